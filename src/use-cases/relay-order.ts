import type { Relayer, RelayOrder } from '../chains/relayer.ts'
import { newRelayQueue, type RelayQueue } from '../domain/relay-queue.ts'
import { chosenQuote, paymentsOf, type ResolvedVoucher, type TermedVoucher } from '../domain/voucher.ts'
import type { App } from './app.ts'

/** What a signature of the payer can carry out, and who would do it. */
export type Relayable = { relayer: Relayer; order: RelayOrder }

/** @returns null where the voucher asks for more than one plain transfer of a token, or where nobody relays */
export function relayableOf(app: App, voucher: TermedVoucher): Relayable | null {
  const { terms, headNumber } = voucher.redemption
  if (terms.type !== 'SIMPLE' || terms.currencyAddress === '' || headNumber === null) return null
  const relayer = app.relayers.get(terms.network)
  const [payment] = paymentsOf(voucher)
  if (relayer === undefined || payment === undefined || chosenQuote(voucher) !== null) return null
  // What is signed is for all that was asked, once.
  if (voucher.remainder) return null
  const order: RelayOrder = {
    paymentId: payment.id,
    token: terms.currencyAddress,
    recipient: terms.recipient,
    units: BigInt(terms.amountUnits),
    payers: voucher.payers,
    validBeforeMs: voucher.expiresAtMs,
  }
  return { relayer, order }
}

/** Whether the relayer's transaction carries a payment of the voucher. */
export function isRelayed({ settlement }: TermedVoucher, { address }: Relayer): boolean {
  return settlement?.transactions.some(({ from }) => from === address) ?? false
}

/** Whether what resolved the voucher was a signature that was carried out here. */
export function isRelayedHere({ relayers }: App, voucher: ResolvedVoucher): boolean {
  const relayer = relayers.get(voucher.settlement.network)
  return relayer !== undefined && isRelayed(voucher, relayer)
}

/** The queue of a relayer's key; an empty one where it has never sent anything. */
export async function findRelayQueue(app: Pick<App, 'store'>, { chainId, address }: Relayer): Promise<RelayQueue> {
  const id = `${chainId}:${address}`
  return (await app.store.relayQueue(id)) ?? newRelayQueue(id)
}
