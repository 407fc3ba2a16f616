import { startPostgres } from '../test/support/postgres.ts'
import { type Comparison, compare, warmUp } from './compare.ts'
import type { Part } from './part.ts'
import type { FloorPart } from './parts/floor.ts'
import type { LoadPart } from './parts/load.ts'
import type { SubjectPart } from './parts/subject.ts'
import type { SubscribersPart } from './parts/subscribers.ts'
import { type Running, SERVER_FLAGS } from './running.ts'
import type { Size } from './size.ts'
import { rounded } from './statistics.ts'

/** Servers on one PostgreSQL: one beside the floor, and two beside one. */
export type Shared = {
  postgres: { reserve: Comparison; flow: Comparison }
  twoNodes: { perSecond: number; onePerSecond: number; ratio: number }
  events: { p50Ms: number; p99Ms: number }
}

export async function measureShared(running: Running, load: Part<LoadPart>, size: Size): Promise<Shared> {
  const cluster = await startPostgres()
  try {
    const databaseUrl = await cluster.createDatabase()
    const nodes = [await startNode(running, databaseUrl), await startNode(running, databaseUrl)] as const
    const postgres = await besideTheFloor(running, load, size, nodes[0], await cluster.createDatabase())
    const twoNodes = await besideOne(load, size, nodes)
    const events = await acrossNodes(running, size, nodes)
    await Promise.all(nodes.map(({ part }) => part.stop()))
    return { postgres, twoNodes, events }
  } finally {
    await cluster.stop()
  }
}

type Node = Awaited<ReturnType<typeof startNode>>

async function startNode(running: Running, databaseUrl: string) {
  const part = running.start<SubjectPart>('subject', SERVER_FLAGS)
  const place = { dataDir: running.directory('nodes'), databaseUrl, rpcUrl: running.rpcUrl }
  return { part, ...(await part.ask('start', place)) }
}

async function besideTheFloor(
  running: Running,
  load: Part<LoadPart>,
  size: Size,
  { url, caller }: Node,
  databaseUrl: string,
): Promise<Shared['postgres']> {
  const floor = running.start<FloorPart>('floor')
  const { url: floorUrl } = await floor.ask('start', { dataDir: running.directory('floor'), databaseUrl })
  const targets = { subject: { urls: [url], caller }, floor: { urls: [floorUrl], caller } }
  const workloads = ['reserve', 'flow'] as const
  await warmUp(load, targets, size, workloads)
  const compared = await compare(load, targets, size, workloads)
  await floor.stop()
  return compared
}

async function besideOne(load: Part<LoadPart>, size: Size, [one, other]: readonly [Node, Node]) {
  const { caller } = one
  const targets = { subject: { urls: [one.url, other.url], caller }, floor: { urls: [one.url], caller } }
  await warmUp(load, targets, size, ['flow'])
  const { flow } = await compare(load, targets, size, ['flow'])
  return { perSecond: flow.perSecond, onePerSecond: flow.floorPerSecond, ratio: flow.ratio }
}

/** Subscribers are at one node, and what they hear of happens at the other. */
async function acrossNodes(running: Running, { events }: Size, [one, other]: readonly [Node, Node]) {
  const { contextCode } = one.caller
  const tokens = await one.part.ask('payeeTokens', { count: events.subscribers, contextCode })
  const subscribers = running.start<SubscribersPart>('subscribers')
  await subscribers.ask('open', { url: other.url, tokens })
  await subscribers.ask('measure', { url: one.url, tokens, contextCode, count: events.count / 10 })
  const { p50Ms, p99Ms } = await subscribers.ask('measure', { url: one.url, tokens, contextCode, count: events.count })
  await subscribers.stop()
  return { p50Ms: rounded(p50Ms), p99Ms: rounded(p99Ms) }
}
