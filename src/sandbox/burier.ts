import { SANDBOX_CONFIRMATIONS } from './facts.ts'
import type { SandboxClient } from './sandbox-client.ts'

/** As on a quick real network: slow enough to watch the confirmations come. */
const BLOCK_INTERVAL_MS = 1_000

type BurierOptions = { onFailure: (error: unknown) => void; blockIntervalMs?: number }

/**
 * Buries payments: the sandbox makes a block for each transaction and no others, so a payment would never get any
 * deeper. Mines empty blocks until enough of them lie on top of the last transaction, and rests until the next one.
 * @param options.onFailure called when the chain does not answer; the burier goes on trying
 * @returns stops it, once a block that is being mined is there
 */
export function startBurier(
  client: SandboxClient,
  { onFailure, blockIntervalMs = BLOCK_INTERVAL_MS }: BurierOptions,
): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let round = Promise.resolve()

  const schedule = () => {
    if (!stopped) timer = setTimeout(run, blockIntervalMs)
  }
  const run = () => {
    round = mineUnlessBuried(client)
      .catch((error: unknown) => {
        if (!stopped) onFailure(error)
      })
      .then(schedule)
  }
  schedule()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await round
  }
}

async function mineUnlessBuried(client: SandboxClient): Promise<void> {
  if (!(await isBuried(client))) await client.mine({ blocks: 1 })
}

async function isBuried(client: SandboxClient): Promise<boolean> {
  let block = await client.getBlock()
  for (let depth = 0; depth < SANDBOX_CONFIRMATIONS && block.number > 0n; depth++) {
    if (block.transactions.length > 0) return false
    block = await client.getBlock({ blockHash: block.parentHash })
  }
  return true
}
