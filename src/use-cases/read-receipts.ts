import { keccak256 } from 'viem'
import type { Chain, TransactionFacts } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { type SettlementTransaction, unseenTransaction } from '../domain/settlement.ts'
import { paymentsOf, type TermedVoucher, wayOf } from '../domain/voucher.ts'
import type { Receipt } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { plausibleIn } from './examine-payment.ts'

/**
 * Reads the receipts of a voucher: each of its payments exactly once, each with a transaction where there is a node to
 * ask. A signed transaction is checked before it may be broadcast.
 * @throws Refusal `validation_failed`, `receipt_rejected`
 */
export async function readReceipts(
  app: App,
  voucher: TermedVoucher,
  receipts: Receipt[],
  chain: Chain | null,
): Promise<SettlementTransaction[]> {
  assertCoverage(voucher, receipts)
  return Promise.all(receipts.map((receipt, index) => readReceipt(app, voucher, receipt, index, chain)))
}

/** Receipts follow one way to pay; where they follow none, what they lack of the one to go now is said. */
function assertCoverage(voucher: TermedVoucher, receipts: Receipt[]): void {
  if (wayOf(voucher, receipts) !== null) return
  const missing = new Set(paymentsOf(voucher).map((payment) => payment.id))
  for (const [index, { paymentId }] of receipts.entries()) {
    if (!missing.delete(paymentId)) {
      throw invalidField(
        `/receipts/${index}/paymentId`,
        'names no payment that this voucher asks for now, or names it twice',
      )
    }
  }
  if (missing.size > 0) throw invalidField('/receipts', `must cover every payment; missing: ${[...missing].join(', ')}`)
}

/** The transaction that a receipt names; `stated` is its hash in the payer's own words, which may be wrong. */
export function transactionNamedIn(receipt: Receipt) {
  const signedTransaction = (receipt.signedTransaction?.toLowerCase() ?? null) as Hex | null
  const stated = (receipt.transactionHash?.toLowerCase() ?? null) as Hex | null
  return { hash: signedTransaction === null ? stated : keccak256(signedTransaction), stated, signedTransaction }
}

async function readReceipt(
  app: App,
  voucher: TermedVoucher,
  receipt: Receipt,
  index: number,
  chain: Chain | null,
): Promise<SettlementTransaction> {
  const { paymentId } = receipt
  const { hash, stated, signedTransaction } = transactionNamedIn(receipt)
  if (stated !== null && stated !== hash) {
    throw invalidField(`/receipts/${index}/transactionHash`, `is not the hash of signedTransaction, which is ${hash}`)
  }
  if (chain === null) return unseenTransaction({ paymentId, hash, signedTransaction })
  if (hash === null) throw invalidField(`/receipts/${index}`, 'needs transactionHash or signedTransaction')
  const transaction = unseenTransaction({ paymentId, hash, signedTransaction })
  if (signedTransaction === null) return transaction
  const { from, nonce } = await checkSigned(app, voucher, { paymentId, signedTransaction }, index, chain)
  return { ...transaction, from, nonce }
}

async function checkSigned(
  app: App,
  voucher: TermedVoucher,
  { paymentId, signedTransaction }: { paymentId: string; signedTransaction: Hex },
  index: number,
  chain: Chain,
): Promise<TransactionFacts> {
  const signed = await app.rules.readSigned(signedTransaction)
  if (signed === null) {
    throw invalidField(`/receipts/${index}/signedTransaction`, 'is not a signed transaction')
  }
  if (signed.chainId !== chain.chainId) {
    throw new Refusal(
      'receipt_rejected',
      `The transaction is signed for ${signed.chainId === null ? 'no chain in particular' : `chain id ${signed.chainId}`}; ` +
        `${chain.network} has chain id ${chain.chainId}.`,
    )
  }
  const verdict = plausibleIn(app.rules, voucher, { paymentId }, signed)
  if (!verdict.plausible) {
    throw new Refusal('receipt_rejected', `The signed transaction does not pay this voucher: ${verdict.reason}.`)
  }
  if (!voucher.payers.some((payer) => payer.toLowerCase() === signed.from.toLowerCase())) {
    throw new Refusal(
      'receipt_rejected',
      `The transaction is signed by ${signed.from}, which is not an address of the payer: it is not sent for anybody else. Send it, and hand in its hash when it is mined.`,
    )
  }
  return signed
}
