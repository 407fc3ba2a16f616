import type { Chain } from '../chains/chain.ts'
import type { PayWarning } from '../domain/pay-warning.ts'
import type { Expectation, Hex } from '../domain/payment.ts'
import { canBePaid, expectationFor, paymentsOf, type TermedVoucher } from '../domain/voucher.ts'
import { contractWallet } from '../domain/wallet.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'

/** What a wallet that runs code is told before it signs, and which payments cannot be proven if it makes them by its code. */
export type InternalWarning = { warning: PayWarning; paymentIds: ReadonlySet<string>; isContract: boolean }

/**
 * A wallet that runs code pays by calls that contracts make. Where nothing shows those, what it pays would never count, and
 * its owner is to know that before anything moves.
 * @returns null where the wallet is a key's alone, and where all that it pays can be proven
 * @throws Refusal `overloaded` where the node cannot be asked
 */
export async function internalWarning(app: App, voucher: TermedVoucher, wallet: Hex): Promise<InternalWarning | null> {
  const payments = paymentsOf(voucher)
  const needs = new Map(payments.map(({ id }) => [id, needOf(expectationFor(voucher, id))]))
  const chain = app.chains.get(payments[0]?.network ?? '')
  if (chain === undefined || !canBePaid(voucher) || payments.every(({ id }) => needs.get(id) === 'nothing')) return null
  const kind = await kindOf(app, chain, wallet)
  if (kind === 'key') return null
  const shown = await chain.shows()
  const unprovable = payments.filter(({ id }) => !isShown(needs.get(id) ?? 'nothing', shown))
  if (unprovable.length === 0) return null
  return {
    warning: { code: 'WALLET_UNPROVABLE', message: wordsFor(chain, wallet, kind) },
    paymentIds: new Set(unprovable.map(({ id }) => id)),
    isContract: kind === 'contract',
  }
}

/** What a node must show of what contracts do before a payment that they make counts. */
type Need = 'nothing' | 'coins' | 'calls' | 'more than there is'

function needOf(expectation: Expectation): Need {
  switch (expectation.kind) {
    case 'native':
      return 'coins'
    case 'swap':
      return expectation.paysNative || expectation.givesNative ? 'calls' : 'nothing'
    case 'call':
      return 'more than there is'
    default:
      return 'nothing'
  }
}

function isShown(need: Need, shown: { coins: boolean; calls: boolean }): boolean {
  if (need === 'nothing') return true
  return need === 'more than there is' ? false : shown[need]
}

/** An address that has signed in as a contract may not have its code yet: it gets that with its first transaction. */
async function kindOf(app: App, chain: Chain, wallet: Hex): Promise<'key' | 'delegated key' | 'contract'> {
  const kind = await askChain(chain, () => chain.kindOf(wallet))
  if (kind !== 'key') return kind
  return (await app.store.credential('wallet', contractWallet(chain.chainId, wallet))) === null ? 'key' : 'contract'
}

function wordsFor({ network }: Chain, wallet: Hex, kind: 'delegated key' | 'contract'): string {
  return kind === 'contract'
    ? `${wallet} is a contract, and no node of ${network} here can show that it made this payment: the payee would get the ` +
        'money, and the voucher would stay unpaid. Pay from another wallet'
    : `Send this payment from ${wallet} as a plain transaction. If its code makes it, as in a batch, no node of ${network} ` +
        'here can show that, and the voucher would stay unpaid'
}
