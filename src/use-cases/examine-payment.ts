import { createHash, hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type {
  Chain,
  ChainRules,
  CoinTransfer,
  InternalActs,
  Log,
  MinedSighting,
  Moved,
  Proof,
  ProofQuestion,
  TransactionFacts,
  Unproven,
} from '../chains/chain.ts'
import { completedBy, expectationOfTransaction, possibleExpectations } from '../domain/completion.ts'
import type { Expectation, Hex } from '../domain/payment.ts'
import type { BlockRef, SettlementTransaction } from '../domain/settlement.ts'
import { expectationFor, type TermedVoucher } from '../domain/voucher.ts'
import type { Claim } from '../store/store.ts'
import type { App } from './app.ts'
import { type Counted, heldByOther, keptForOwn, rivalReason } from './find-rival.ts'
import { hiddenPayer } from './hidden-payer.ts'
import type { Observation } from './observe-payment.ts'
import { provePayment } from './prove-payment.ts'
import { callFacts } from './review-terms.ts'

/** What the chain says of one payment's transaction right now. */
export type Examination =
  /** Mined, and it does exactly what the payment says. `beside`: what else it moved to the payee, where it pays by parts. */
  | { state: 'proven'; transaction: SettlementTransaction; claims: Claim[]; payer: Hex | null; beside?: Observation[] }
  /** In the node's pool. */
  | { state: 'waiting'; transaction: SettlementTransaction }
  /** The node has never heard of it, or has lost it. */
  | { state: 'unknown'; transaction: SettlementTransaction }
  | FailedExamination

/**
 * It can never count for this payment. `hasReverted`: it is the payment, but the chain did not carry it out. `observed`: what
 * it did move, or may have moved, from the payer to the payee. `mayStillBeMined`: nobody has used its nonce.
 */
export type FailedExamination = {
  state: 'failed'
  transaction: SettlementTransaction
  reason: string
  hasReverted?: boolean
  mayStillBeMined?: boolean
  observed?: Observation[]
}

/**
 * Examines the transactions of a voucher one after the other, so that no part of one counts twice. Where one transaction is
 * asked about and pays by parts, with or without what has arrived before, there is an examination for each part.
 * @throws ChainUnavailable
 */
export async function examinePayments(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transactions: SettlementTransaction[],
): Promise<Examination[]> {
  const examinations = await examineEach(app, chain, voucher, transactions)
  const [examination, second] = examinations
  if (second !== undefined || examination?.state !== 'failed' || examination.transaction.partUnits) return examinations
  // Too little by itself may complete what has arrived before, or what else has arrived with it.
  const { observed = [], transaction } = examination
  const moved = observed.map(({ payment }) => payment)
  if (completedBy(voucher, transaction, moved) === null) return examinations
  const reasons = await reasonsAgainst(app, chain, voucher, transaction, moved)
  const together = completedBy(
    voucher,
    transaction,
    moved.filter(({ from }) => !reasons.has(from)),
  )
  if (together === null) return [{ ...examination, reason: [...reasons.values()].join('; ') }]
  const completed = await examineEach(app, chain, voucher, together)
  if (completed.some(({ state }) => state !== 'proven')) return examinations
  return withBeside(completed, observed)
}

/** The addresses from which parts are not to be put together for this voucher, and why. */
async function reasonsAgainst(
  app: App,
  { network, chainId }: Chain,
  voucher: TermedVoucher,
  { paymentId }: SettlementTransaction,
  moved: Observation['payment'][],
): Promise<Map<Hex, string>> {
  const expectation = expectationFor(voucher, paymentId)
  const sumOf = (parts: { units: string | null }[]) => parts.reduce((sum, { units }) => sum + BigInt(units ?? 0), 0n)
  const reasons = new Map<Hex, string>()
  for (const [payer, now] of Map.groupBy(moved, ({ from }) => from)) {
    const hashes = new Set(now.map(({ transactionHash }) => transactionHash))
    const before = (voucher.observedPayments ?? []).filter((one) => {
      return one.from === payer && one.reason === 'UNDERPAID' && !hashes.has(one.transactionHash)
    })
    const blockNumber = Math.max(...now.map(({ block }) => block.number))
    const units = [unitsOf(expectation), sumOf(now), sumOf([...before, ...now])]
    const reason = await heldByOther(app, voucher, { network, chainId, blockNumber }, payer, { expectation, units })
    if (reason !== null) reasons.set(payer, reason)
  }
  return reasons
}

/** The examinations of parts, with what moved along with them and is not needed. */
function withBeside(completed: Examination[], observed: Observation[]): Examination[] {
  const counted = new Set(
    completed.flatMap((examination) =>
      examination.state === 'proven' ? examination.claims.map(({ key }) => key) : [],
    ),
  )
  const beside = observed.filter(({ partKeys }) => !partKeys.some((key) => counted.has(key))).map(asBeside)
  return completed.map((one, index) => (index === 0 && one.state === 'proven' ? { ...one, beside } : one))
}

function asBeside({ payment, partKeys }: Observation): Observation {
  const detail = 'the voucher was paid by other parts of this transaction already'
  return { payment: { ...payment, reason: 'DUPLICATE', detail }, partKeys }
}

/** As `examinePayments`, each by itself: no parts are put together. */
export async function examineEach(
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
  const { hash } = replacement.transaction
  const reason = `its nonce ${transaction.nonce} was used by transaction ${hash} instead: ${examination.reason}`
  // It is the one handed in that failed; the one that took its nonce is named by the reason.
  return { ...examination, transaction: { ...transaction, block: null }, reason }
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
  const seen: MinedTransaction = { ...seenAs(transaction, sighting.transaction), hash, block: sighting.block }
  const { network, chainId } = chain
  const { keys, question } = await questionOf(app, chain, voucher, transaction, sighting, claimed)
  const { own = NO_PARTS } = question
  if (isShownHere(transaction, question)) return { state: 'proven', transaction: seen, claims: [], payer: null }
  const proof = await provePayment(app, chain, voucher, question)
  if (!sighting.succeeded) return examineReverted(app, chain, voucher, seen, sighting)
  if (!proof.proven) {
    const failed: FailedExamination = { state: 'failed', transaction: seen, reason: proof.reason }
    if (proof.hidden) return { ...failed, ...(await examineHidden(app, chain, transaction.paymentId, question, proof)) }
    const moved = await ownMoved(app, voucher, { network, chainId, question }, proof.moved ?? [])
    const asked = unitsOf(expectationFor(voucher, transaction.paymentId))
    return { ...failed, observed: moved.map((one) => observationOf(asked, seen, one, keys)) }
  }
  const { parts, payer } = proof
  // What counts for the payment already goes on counting, whoever turns up.
  const reason = own.size > 0 ? null : await rivalReason(app, voucher, { network, chainId, question, parts, payer })
  if (reason !== null) return { state: 'failed', transaction: seen, reason }
  const claimedParts = new Set([...parts, ...partsBeside(parts, question)])
  const claims = [...keys]
    .filter(([part]) => claimedParts.has(part))
    .map(([, key]) => ({ key, ownerId: transaction.paymentId, forgetAtMs: null }))
  return { state: 'proven', transaction: withKeys(seen, parts, keys), claims, payer }
}

/** A call takes all of its transaction, and needs no list of it. */
function withKeys(seen: SettlementTransaction, parts: string[], keys: Map<string, string>): SettlementTransaction {
  const { partKeys: _, ...rest } = seen
  return parts.length === 0 || parts.includes('call') ? rest : { ...rest, partKeys: keysOf(parts, keys) }
}

function keysOf(parts: string[], keys: Map<string, string>): string[] {
  return parts.flatMap((part) => keys.get(part) ?? [])
}

/**
 * Of what moved without being the payment, that which is this voucher's to see: what is another's exact payment, who comes
 * first, is no part of this one; and of several movements neither is what another voucher of the payer asks for.
 */
async function ownMoved(
  app: App,
  voucher: TermedVoucher,
  at: Pick<Counted, 'network' | 'chainId' | 'question'>,
  moved: Moved[],
): Promise<Moved[]> {
  const kept = moved.length > 1 ? await keptForOwn(app, voucher, at, moved) : new Set<Moved>()
  const own: Moved[] = []
  for (const [payer, ofPayer] of Map.groupBy(moved, ({ payer }) => payer)) {
    const left = ofPayer.filter((one) => !kept.has(one))
    const isFree = async (some: Moved[]) => {
      const parts = some.flatMap(({ parts }) => parts)
      return (await rivalReason(app, voucher, { ...at, parts, payer })) === null
    }
    // Only where there is a rival at all is each movement asked about.
    const isAllFree = await isFree(left)
    for (const one of left) if (isAllFree || (await isFree([one]))) own.push(one)
  }
  return own
}

/** What proven transactions moved a second time, for a voucher that others have resolved. */
export function duplicateOf(voucher: TermedVoucher, examinations: Examination[]): Observation[] {
  const paid = voucher.settlement?.transactions ?? []
  const paidBy = paid.at(-1)?.hash
  return examinations.flatMap((examination) => {
    if (examination.state !== 'proven') return []
    const { transaction, claims, payer, beside = [] } = examination
    const { paymentId, hash, block } = transaction
    // Approvals claim nothing: they move nothing.
    if (hash === null || block === null || payer === null || claims.length === 0) return []
    // A part of what has paid may come with another part that came too late.
    if (paid.some((one) => one.hash === hash)) return []
    const units = unitsOf(expectationOfTransaction(voucher, transaction)).toString()
    const detail = `the voucher was paid by transaction ${paidBy} already`
    const payment = {
      paymentId,
      transactionHash: hash,
      from: payer,
      reason: 'DUPLICATE' as const,
      units,
      detail,
      block,
    }
    return [{ payment, partKeys: transaction.partKeys ?? claims.map(({ key }) => key) }, ...beside]
  })
}

type MinedTransaction = SettlementTransaction & { hash: Hex; block: BlockRef }

const BEFORE_ALL_BLOCKS = -1
const NO_PARTS: ReadonlySet<string> = new Set()

/** Says that what contracts did in a transaction has paid this payment: in any block, and in the very block that it is in. */
const PAID = 'paid'
const PAID_HERE = 'paid here'

/**
 * What is to be proven and by what, and what each part of the transaction is claimed under. What contracts did is asked for
 * only where the transaction itself leaves open whether it pays: from its logs first, since a trace costs the node most.
 */
async function questionOf(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  sighting: MinedSighting,
  claimed: ReadonlySet<string>,
): Promise<{ keys: Map<string, string>; question: ProofQuestion }> {
  const { paymentId } = transaction
  const headNumber = voucher.redemption.headNumber ?? sighting.block.number
  const asked = async (internal: InternalActs | null) => {
    const keys = await claimKeys(chain.chainId, sighting, internal?.coins ?? [], transaction)
    const { taken, own } = await partsInUse(app, keys, paymentId, claimed)
    const question: ProofQuestion = {
      expectation: expectationOfTransaction(voucher, transaction),
      ...{ sighting, internal },
      payers: voucher.payers,
      // What was proven once was in a later block then. A reorg may put it lower, but cannot make the payment older.
      afterBlockNumber: own.size > 0 ? BEFORE_ALL_BLOCKS : headNumber,
      ...{ taken, own, draw: drawOf(paymentId) },
    }
    return { keys, question }
  }
  let facts = await asked(null)
  for (const means of ['logs', 'trace'] as const) {
    if (isShownHere(transaction, facts.question) || !isHidden(app.rules.prove(facts.question))) break
    const internal = await chain.internalActs(sighting, means)
    if (internal !== null) facts = await asked(internal)
  }
  return facts
}

/**
 * The block is as it was when a node showed what contracts did in it, and so is that. Equal parts are told apart by what each is
 * claimed under: where that is not known of a part, it is looked for anew, or the claim of one would do for two.
 */
function isShownHere({ partUnits, partKeys }: SettlementTransaction, { own = NO_PARTS }: ProofQuestion): boolean {
  return own.has(PAID_HERE) && (partUnits === undefined || partKeys !== undefined)
}

function isHidden(proof: Proof): boolean {
  return !proof.proven && proof.hidden === true
}

/**
 * What is claimed along with coins that contracts moved: that this payment has them; and, for the first of all payments
 * that have some, that not the whole call can be another's any more.
 */
function partsBeside(parts: string[], { taken }: ProofQuestion): string[] {
  if (!parts.some((part) => part.startsWith('coin:'))) return []
  return taken?.has('internal') ? [PAID, PAID_HERE] : [PAID, PAID_HERE, 'internal']
}

/** Nobody here can look into the transaction, or tell what came of what contracts did there. */
async function examineHidden(
  app: App,
  chain: Chain,
  paymentId: string,
  question: ProofQuestion,
  { reason }: Unproven,
): Promise<Pick<FailedExamination, 'reason' | 'observed'>> {
  const from = await hiddenPayer(app, chain, question)
  if (from === null) return { reason }
  const { transaction, block } = question.sighting
  const detail = `it seems that the contract ${from} paid within it, which the nodes here cannot show`
  const payment = { paymentId, transactionHash: transaction.hash, from, units: null, detail, block }
  return { reason: `${reason}; ${detail}`, observed: [{ payment: { ...payment, reason: 'UNPROVEN' }, partKeys: [] }] }
}

function observationOf(
  asked: bigint,
  { paymentId, hash: transactionHash, block }: MinedTransaction,
  { parts, payer: from, units, fault: detail }: Moved,
  keys: Map<string, string>,
): Observation {
  const reason = units < asked ? 'UNDERPAID' : 'OVERPAID'
  return {
    payment: { paymentId, transactionHash, from, reason, units: units.toString(), detail, block },
    partKeys: keysOf(parts, keys),
  }
}

function unitsOf(expectation: Expectation): bigint {
  if (expectation.kind === 'approval') return 0n
  if (expectation.kind === 'swap') return expectation.arrivedUnits ?? expectation.units
  return 'units' in expectation ? expectation.units : expectation.wei
}

async function examineReverted(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  sighting: MinedSighting,
): Promise<Examination> {
  const why = await chain.whyReverted(sighting, callFacts(app, { network: chain.network, payers: voucher.payers }))
  const reason = ['the transaction reverted', why].filter((words) => words !== null).join(': ')
  const isPayment = plausibleIn(app.rules, voucher, transaction, sighting.transaction).plausible
  return { state: 'failed', transaction, reason, hasReverted: isPayment }
}

/** The same number for a payment whenever it is examined, another one for another payment. */
function drawOf(paymentId: string): number {
  return createHash('sha256').update(paymentId).digest().readUInt32BE()
}

/**
 * What each part of a transaction is claimed under. A log goes by what it says and by how many equal ones stand before
 * it: in the block that it comes to by a reorg it may stand at another place. So do coins that contracts moved: whether
 * logs show them or a trace, and at whatever node of ours, the same money has the same key.
 */
async function claimKeys(
  chainId: number,
  { transaction: { hash }, block, logs }: MinedSighting,
  coins: CoinTransfer[],
  { paymentId, partUnits }: SettlementTransaction,
): Promise<Map<string, string>> {
  const prefix = `${chainId}:${hash}`
  // What has paid a part has not paid the whole.
  const paid = partUnits === undefined ? paymentId : `${paymentId}:${partUnits}`
  const counted = countedContents()
  return new Map([
    ['call', `${prefix}:call`],
    ['value', `${prefix}:value`],
    ['internal', `${prefix}:internal`],
    [PAID, `${prefix}:by:${paid}`],
    [PAID_HERE, `${prefix}:by:${paid}:${block.hash}`],
    ...(await contentsOf(logs)).map((content, position): [string, string] => {
      return [`log:${position}`, `${prefix}:log:${content}`]
    }),
    ...coins.map(({ from, to, wei }, position): [string, string] => {
      const content = [from.toLowerCase(), to.toLowerCase(), wei.toString()]
      return [`coin:${position}`, `${prefix}:coin:${counted(content)}`]
    }),
  ])
}

/** A transaction may have tens of thousands of logs, and is looked at for many payments. */
const namedBefore = new WeakMap<Log[], Promise<string[]>>()

function contentsOf(logs: Log[]): Promise<string[]> {
  const contents = namedBefore.get(logs) ?? nameLogs(logs)
  namedBefore.set(logs, contents)
  return contents
}

/** Others have their turns in between. */
async function nameLogs(logs: Log[]): Promise<string[]> {
  const counted = countedContents()
  const names: string[] = []
  for (const [position, { address, topics, data }] of logs.entries()) {
    if (position % LOGS_A_TURN === LOGS_A_TURN - 1) await nextTurn()
    names.push(counted([address, topics, data]))
  }
  return names
}

const LOGS_A_TURN = 1_000

/** Names contents by their digest, and equal ones by how many were named before. */
function countedContents(): (content: unknown) => string {
  const equals = new Map<string, number>()
  return (content) => {
    const digest = hash('sha256', JSON.stringify(content))
    const before = equals.get(digest) ?? 0
    equals.set(digest, before + 1)
    return `${digest}:${before}`
  }
}

/**
 * The parts of a transaction that count for another payment already, and those that count for this payment.
 * Who has the call has all that it does, in whatever block.
 */
async function partsInUse(
  app: App,
  keys: Map<string, string>,
  paymentId: string,
  claimed: ReadonlySet<string>,
): Promise<{ taken: Set<string>; own: Set<string> }> {
  const owners = await app.store.claimOwners([...keys.values()])
  const isTaken = ([, key]: [string, string]) => claimed.has(key) || (owners.get(key) ?? paymentId) !== paymentId
  const isOwn = ([, key]: [string, string]) => owners.get(key) === paymentId
  const partsWhere = (is: typeof isTaken) => new Set([...keys].filter(is).map(([part]) => part))
  const taken = partsWhere(isTaken)
  return { taken: taken.has('call') ? new Set(keys.keys()) : taken, own: partsWhere(isOwn) }
}

function examinePooled(
  rules: ChainRules,
  voucher: TermedVoucher,
  transaction: SettlementTransaction,
  facts: TransactionFacts,
): Examination {
  const seen = { ...seenAs(transaction, facts), block: null }
  const verdict = plausibleIn(rules, voucher, transaction, facts)
  return verdict.plausible
    ? { state: 'waiting', transaction: seen }
    : { state: 'failed', transaction: seen, reason: verdict.reason }
}

/** Whether a transaction that is not mined yet says what was asked, or what is missing of it. */
export function plausibleIn(
  rules: ChainRules,
  voucher: TermedVoucher,
  transaction: Pick<SettlementTransaction, 'paymentId' | 'partUnits'>,
  facts: TransactionFacts,
): ReturnType<ChainRules['plausible']> {
  const verdicts = possibleExpectations(voucher, transaction).map((expectation) =>
    rules.plausible(facts, { expectation, payers: voucher.payers }),
  )
  const [first] = verdicts
  return verdicts.find(({ plausible }) => plausible) ?? first ?? { plausible: true }
}

function seenAs(transaction: SettlementTransaction, facts: TransactionFacts): SettlementTransaction {
  return { ...transaction, from: facts.from, nonce: facts.nonce, missingSinceMs: null }
}
