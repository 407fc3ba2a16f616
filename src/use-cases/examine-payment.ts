import type { Chain, ChainRules, MinedSighting, Proof, TransactionFacts } from '../chains/chain.ts'
import { expectationOf } from '../domain/payment.ts'
import type { SettlementTransaction } from '../domain/settlement.ts'
import type { TermedVoucher } from '../domain/voucher.ts'
import type { Claim } from '../store/store.ts'
import type { App } from './app.ts'

/** What the chain says of one payment's transaction right now. */
export type Examination =
  /** Mined, and it does exactly what the payment says. */
  | { state: 'proven'; transaction: SettlementTransaction; claims: Claim[] }
  /** In the node's pool. */
  | { state: 'waiting'; transaction: SettlementTransaction }
  /** The node has never heard of it, or has lost it. */
  | { state: 'unknown'; transaction: SettlementTransaction }
  /** It can never count for this payment. */
  | { state: 'failed'; transaction: SettlementTransaction; reason: string }

/**
 * Examines the transactions of a voucher one after the other, so that no part of one counts twice.
 * @throws ChainUnavailable
 */
export async function examinePayments(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transactions: SettlementTransaction[],
): Promise<Examination[]> {
  const examinations: Examination[] = []
  const claimed = new Set<string>()
  for (const transaction of transactions) {
    const examination = await examinePayment(app, chain, voucher, transaction, claimed)
    if (examination.state === 'proven') for (const claim of examination.claims) claimed.add(claim.key)
    examinations.push(examination)
  }
  return examinations
}

async function examinePayment(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  claimed: ReadonlySet<string>,
): Promise<Examination> {
  if (transaction.hash === null) return { state: 'unknown', transaction }
  const sighting = await chain.sight(transaction.hash)
  if (sighting.state === 'mined') return examineMined(app, chain, voucher, transaction, sighting, claimed)
  if (sighting.state === 'pooled') return examinePooled(app.rules, voucher, transaction, sighting.transaction)
  const replacement = await findReplacement(chain, transaction)
  if (replacement === null) return { state: 'unknown', transaction }
  const examination = await examineMined(app, chain, voucher, transaction, replacement, claimed)
  if (examination.state !== 'failed') return examination
  return { ...examination, reason: `it was replaced by ${replacement.transaction.hash}: ${examination.reason}` }
}

/** A transaction that the node has lost may have been mined under another hash with the same nonce. */
async function findReplacement(chain: Chain, { from, nonce }: SettlementTransaction): Promise<MinedSighting | null> {
  return from === null || nonce === null ? null : chain.minedByNonce(from, nonce)
}

async function examineMined(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  sighting: MinedSighting,
  claimed: ReadonlySet<string>,
): Promise<Examination> {
  const { hash } = sighting.transaction
  const seen = { ...seenAs(transaction, sighting.transaction), hash, block: sighting.block }
  const keyOf = (part: string) => `${chain.chainId}:${hash}:${part}`
  const taken = await takenParts(app, sighting, transaction.paymentId, keyOf, claimed)
  const proof: Proof = app.rules.prove({
    expectation: expectationOf(voucher.redemption.terms),
    sighting,
    payers: voucher.payers,
    afterBlockNumber: voucher.redemption.headNumber ?? sighting.block.number,
    taken,
  })
  if (!proof.proven) return { state: 'failed', transaction: seen, reason: proof.reason }
  const claims = proof.parts.map((part) => ({ key: keyOf(part), ownerId: transaction.paymentId, forgetAtMs: null }))
  return { state: 'proven', transaction: seen, claims }
}

/** The parts of a transaction that count for another payment already. */
async function takenParts(
  app: App,
  sighting: MinedSighting,
  paymentId: string,
  keyOf: (part: string) => string,
  claimed: ReadonlySet<string>,
): Promise<Set<string>> {
  const parts = ['call', 'value', ...sighting.logs.map((_, position) => `log:${position}`)]
  const owners = await app.store.claimOwners(parts.map(keyOf))
  return new Set(
    parts.filter((part) => {
      const key = keyOf(part)
      return claimed.has(key) || (owners.get(key) ?? paymentId) !== paymentId
    }),
  )
}

function examinePooled(
  rules: ChainRules,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  facts: TransactionFacts,
): Examination {
  const seen = { ...seenAs(transaction, facts), block: null }
  const verdict = rules.plausible(facts, {
    expectation: expectationOf(voucher.redemption.terms),
    payers: voucher.payers,
  })
  return verdict.plausible
    ? { state: 'waiting', transaction: seen }
    : { state: 'failed', transaction: seen, reason: verdict.reason }
}

function seenAs(transaction: SettlementTransaction, facts: TransactionFacts): SettlementTransaction {
  return { ...transaction, from: facts.from, nonce: facts.nonce, missingSinceMs: null }
}
