import { spentWei } from '../domain/relay-queue.ts'
import type { App } from './app.ts'
import { findRelayQueue } from './relay-order.ts'

/** How a relayer stands. `balanceWei`: as it was last seen, null before that. */
export type RelayerStatus = {
  network: string
  underWay: number
  /** What the last 24 hours have cost, with the most that those under way can cost. */
  spentWei: bigint
  dailyCapWei: bigint
  balanceWei: bigint | null
}

/** Asks the store, and no node. */
export async function readRelayers(app: Pick<App, 'relayers' | 'store' | 'clock'>): Promise<RelayerStatus[]> {
  return Promise.all(
    [...app.relayers.values()].map(async (relayer) => {
      const queue = await findRelayQueue(app, relayer)
      const { network, dailyCapWei } = relayer
      const spent = spentWei(queue, app.clock())
      const balanceWei = relayer.lastBalanceWei()
      return { network, underWay: queue.relays.length, spentWei: spent, dailyCapWei, balanceWei }
    }),
  )
}
