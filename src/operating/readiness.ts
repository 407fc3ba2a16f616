import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../store/store.ts'

export type Phase = 'starting' | 'ready' | 'stopping'

/**
 * What is known of a network's nodes without asking them. `head`: the newest block seen, null before the first. `why`: what
 * was wrong at the last look, where they are not up.
 */
export type NodeStatus = { network: string; up: boolean; head: number | null; why?: string }

/** Whether to send callers here. Nodes that are down make nothing unready: all but payments goes on without them. */
export type Readiness = { ready: boolean; notReady: ('server' | 'store')[]; phase: Phase; networks: NodeStatus[] }

/** A store that takes longer to find nothing is of no use. */
const STORE_ANSWERS_WITHIN_MS = 1000

export async function readReadiness(parts: {
  phase: () => Phase
  store: Pick<Store, 'context'>
  nodes: () => NodeStatus[]
}): Promise<Readiness> {
  const isUsable = await answers(parts.store)
  const phase = parts.phase()
  const notReady: Readiness['notReady'] = []
  if (phase !== 'ready') notReady.push('server')
  if (!isUsable) notReady.push('store')
  return { ready: notReady.length === 0, notReady, phase, networks: parts.nodes() }
}

async function answers(store: Pick<Store, 'context'>): Promise<boolean> {
  const answered = new AbortController()
  const late = delay(STORE_ANSWERS_WITHIN_MS, false, { signal: answered.signal }).catch(() => false)
  const found = store.context('').then(
    () => true,
    () => false,
  )
  const isUsable = await Promise.race([found, late])
  answered.abort()
  return isUsable
}
