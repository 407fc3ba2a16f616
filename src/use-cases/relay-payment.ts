import type { Chain } from '../chains/chain.ts'
import { AuthorizationRefused, type RelayCall, type Relayer, type RelayOrder } from '../chains/relayer.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { addRelay, MOST_RELAYS, nextNonce, type RelayQueue, spentWei } from '../domain/relay-queue.ts'
import { beginSettlement, type SettlementTransaction, unseenTransaction } from '../domain/settlement.ts'
import { isLate, relayPayment as relay, type TermedVoucher } from '../domain/voucher.ts'
import type { Receipt } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { askChain } from './ask-chain.ts'
import type { Call, User } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { findRelayQueue, isRelayed, type Relayable, relayableOf } from './relay-order.ts'

/** An authorization that ends sooner might end before its block comes, and the gas would be lost. */
const LEAST_LEFT_MS = 30_000

/** When to come back where the relayer cannot pay for now. */
const RETRY_AFTER_SECONDS = 60

/** Whether the payer hands in what it has signed for a relayer, not what it has sent. */
export function areSignatures(receipts: Receipt[]): boolean {
  return receipts.some(({ signature }) => signature !== undefined)
}

/**
 * Turns a payer's signature into a transaction of the relayer, PENDING for the voucher. The voucher and the place in the
 * relayer's queue are written in one commit, so that a nonce is neither lost nor given twice; it is for the caller to
 * broadcast what is stored then.
 * @param found the voucher, as often as it is to be read again
 * @throws Refusal `validation_failed`, `receipt_rejected`, and `overloaded` where the relayer cannot pay for now
 */
export async function relayPayment(
  app: App,
  call: Call<User>,
  chain: Chain,
  receipts: Receipt[],
  found: () => Promise<TermedVoucher>,
): Promise<TermedVoucher> {
  const voucher = await found()
  const relayable = assertRelayable(app, voucher)
  const signature = readSignature(receipts, relayable.order)
  if (isUnderWay(voucher, relayable.relayer)) return voucher
  const prepared = await prepare(app, chain, relayable, signature)
  return decideAndCommit<TermedVoucher>(app, null, async () => {
    const voucher = await found()
    const { relayer, order } = assertRelayable(app, voucher)
    if (isUnderWay(voucher, relayer)) return { change: null, answer: voucher }
    const nowMs = app.clock()
    const queue = await findRelayQueue(app, relayer)
    const nonce = await assertAffordable(app, chain, relayer, queue, prepared)
    const signed = await relayer.sign(prepared, nonce)
    const { hash, signedTransaction } = signed
    const transaction: SettlementTransaction = {
      ...unseenTransaction({ paymentId: order.paymentId, hash, signedTransaction }),
      ...{ from: relayer.address, nonce },
    }
    const settlement = beginSettlement({ chain, transactions: [transaction], answerTo: call.idempotency, nowMs })
    const next = relay(voucher, settlement, prepared.signedBy, nowMs)
    const carried = { voucherId: voucher.id, validBeforeMs: order.validBeforeMs }
    return { change: { vouchers: [next], relayQueues: [addRelay(queue, signed, carried, nowMs)] }, answer: next }
  })
}

/** @throws Refusal `receipt_rejected` */
function assertRelayable(app: App, voucher: TermedVoucher): Relayable {
  const relayable = relayableOf(app, voucher)
  if (relayable === null) throw unrelayed()
  const { status, settlement } = voucher
  if (isLate(voucher)) throw rejected(`The voucher is ${status}, and what was signed for it has ended with it`)
  if (settlement?.status === 'PENDING' && !isRelayed(voucher, relayable.relayer)) {
    const hashes = settlement.transactions.map(({ hash }) => hash)
    throw rejected(`Other receipts are pending already (${hashes.join(', ')}). Wait for their outcome`)
  }
  return relayable
}

/** A voucher has one relay under way at most. */
function isUnderWay(voucher: TermedVoucher, relayer: Relayer): boolean {
  return voucher.settlement?.status === 'PENDING' && isRelayed(voucher, relayer)
}

/** What can be relayed has one payment, so there is one receipt. */
function readSignature(receipts: Receipt[], { paymentId }: RelayOrder): Hex {
  const [receipt, second] = receipts
  if (second !== undefined) throw invalidField('/receipts/1', 'is one too many: the voucher has one payment')
  if (receipt?.paymentId !== paymentId) throw invalidField('/receipts/0/paymentId', 'names no payment of this voucher')
  if (receipt.transactionHash !== undefined || receipt.signedTransaction !== undefined) {
    throw invalidField('/receipts/0', 'must have one of transactionHash, signedTransaction and signature')
  }
  return (receipt.signature ?? '0x') as Hex
}

async function prepare(app: App, chain: Chain, { relayer, order }: Relayable, signature: Hex) {
  if (order.validBeforeMs - app.clock() < LEAST_LEFT_MS) {
    throw rejected('The authorization ends too soon to be carried out; send the transaction of the payment')
  }
  try {
    return await askChain(chain, () => relayer.prepare(order, signature))
  } catch (error) {
    if (error instanceof AuthorizationRefused)
      throw rejected(`The signature does not pay this voucher: ${error.message}`)
    throw error
  }
}

/**
 * Checks that one more transaction stays below the operator's cap, and that the relayer has the coins for it.
 * @returns its nonce
 * @throws Refusal `overloaded`
 */
async function assertAffordable(
  app: App,
  chain: Chain,
  relayer: Relayer,
  queue: RelayQueue,
  { gas, fees }: RelayCall,
): Promise<number> {
  const { pendingNonce, balanceWei } = await askChain(chain, () => relayer.account())
  const maxCostWei = gas * fees.maxFeePerGas
  const promisedWei = queue.relays.reduce((sum, relay) => sum + BigInt(relay.maxCostWei), 0n)
  if (queue.relays.length >= MOST_RELAYS) throw unaffordable('Too many signatures are being carried out')
  if (spentWei(queue, app.clock()) + maxCostWei > relayer.dailyCapWei) {
    app.log.warn({ network: relayer.network }, 'the daily cap of the relayer is reached')
    throw unaffordable('The daily limit for carrying out signatures is reached')
  }
  if (promisedWei + maxCostWei > balanceWei) {
    app.log.warn({ network: relayer.network, balanceWei: `${balanceWei}` }, 'the relayer cannot pay for its gas')
    throw unaffordable('Signatures cannot be carried out just now')
  }
  return nextNonce(queue, pendingNonce)
}

/** Nobody is there to do it, or nobody can. */
export function unrelayed(): Refusal {
  return rejected('Nobody here carries out signatures for this payment; send its transaction instead')
}

function rejected(what: string): Refusal {
  return new Refusal('receipt_rejected', `${what}.`)
}

function unaffordable(what: string): Refusal {
  const detail = `${what}. Send the transaction of the payment instead, or try again later.`
  return new Refusal('overloaded', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
