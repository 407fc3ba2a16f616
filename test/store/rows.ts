import { randomBytes } from 'node:crypto'
import type { Account, ApiKey, Credential } from '../../src/domain/account.ts'
import { type Context, openContext } from '../../src/domain/context.ts'
import type { Event } from '../../src/domain/event.ts'
import type { Hex } from '../../src/domain/hex.ts'
import type { Payment } from '../../src/domain/payment.ts'
import type { Quote } from '../../src/domain/quote.ts'
import { openSession, type Session } from '../../src/domain/session.ts'
import { type Settlement, type SettlementTransaction, unseenTransaction } from '../../src/domain/settlement.ts'
import {
  type RedeemedVoucher,
  type Redemption,
  type ReservedVoucher,
  redeemVoucher,
  reserveVoucher,
  type TermedVoucher,
  trackSettlement,
} from '../../src/domain/voucher.ts'
import { newDelivery, type WebhookDelivery } from '../../src/domain/webhook-delivery.ts'
import { createEndpoint, type WebhookEndpoint } from '../../src/domain/webhook-endpoint.ts'
import { newId } from '../../src/protocol/ids.ts'
import type { Claim, Page, StoredAnswer } from '../../src/store/store.ts'

/** Valid rows with everything that a test does not care about filled in. Times start at `T0`. */

export const T0 = 1_800_000_000_000
export const MINUTE_MS = 60_000

let dealt = 0

/** Six digits that no other row of this process has. */
export function nextCode(): string {
  dealt += 1
  return String(dealt).padStart(6, '0')
}

export function randomPayeeId(): string {
  return randomBytes(32).toString('hex')
}

export function someHex(bytes: number): Hex {
  return `0x${randomBytes(bytes).toString('hex')}`
}

export const PAYER_ID = newId('usr', T0)
export const PAYEE_ID = randomPayeeId()
export const WALLET = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'

export function aContext(given: Partial<Parameters<typeof openContext>[0]> = {}): Context {
  const nowMs = given.nowMs ?? T0
  return openContext({
    id: newId('ctx', nowMs),
    code: nextCode(),
    format: 'numeric',
    payerId: PAYER_ID,
    payers: [WALLET],
    codeExpiresAtMs: nowMs + 10 * MINUTE_MS,
    nowMs,
    ...given,
  })
}

export function aSession(given: Partial<Parameters<typeof openSession>[0]> = {}): Session {
  const nowMs = given.nowMs ?? T0
  return openSession({
    id: newId('ses', nowMs),
    code: nextCode(),
    contextId: newId('ctx', nowMs),
    payerId: PAYER_ID,
    payeeId: PAYEE_ID,
    payeeInfo: null,
    nowMs,
    ...given,
  })
}

export function aVoucher(given: Partial<Parameters<typeof reserveVoucher>[0]> = {}): ReservedVoucher {
  const nowMs = given.nowMs ?? T0
  return reserveVoucher({
    id: newId('vch', nowMs),
    code: nextCode(),
    contextId: newId('ctx', nowMs),
    sessionId: null,
    payerId: PAYER_ID,
    payers: [WALLET],
    payeeId: PAYEE_ID,
    nowMs,
    lifetimeMs: 2 * MINUTE_MS,
    ...given,
  }).voucher
}

/** The voucher with terms of 100 EURC, a minute after it was reserved. */
export function redeemed(voucher: ReservedVoucher, given: { orderId?: string } = {}): RedeemedVoucher {
  const redeemedAtMs = voucher.createdAtMs + MINUTE_MS
  const redemption: RedeemedVoucher['redemption'] = {
    terms: {
      type: 'SIMPLE',
      network: 'polygon',
      currency: 'EURC',
      currencyAddress: '0x73b3db5a96a4b9d9bcfc22b8f1b3d85a5e5b5e5b',
      amount: '100',
      amountUnits: '100000000',
      decimals: 6,
      recipient: '0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc',
    },
    payments: [],
    payeeInfo: { name: 'Café Zoë', table: 7 },
    orderId: given.orderId ?? null,
    redeemedAtMs,
    headNumber: 41,
  }
  return redeemVoucher(voucher, redemption, 10 * MINUTE_MS).voucher
}

/** A quote of another currency for those terms. */
export function aQuote(): Quote {
  const payment = {
    type: 'send_transaction',
    network: 'polygon',
    chainId: 137,
    summary: 'Swap about 109 USDC.',
  } as const
  const token = '0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174'
  const router = '0x69Dc2C0C9F87cE088fCB1c193Dab718a57FdC928'
  return {
    ...{ id: newId('quo', T0), source: 'uniswap-v3', units: '109000000', maxUnits: '109545000', slippageBps: 50 },
    supplied: { network: 'polygon', currency: 'USDC', currencyAddress: token, decimals: 6, wallet: WALLET },
    fee: { bps: 25, units: '250000', recipient: WALLET },
    route: { router, wrappedNative: router, tokens: [token, router], fees: [500], pools: [router] },
    ...{ quotedAtMs: T0, expiresAtMs: T0 + 2 * MINUTE_MS },
    approvals: [
      { ...payment, id: newId('pay', T0), input: { from: '{payer}', to: token, value: '0', data: '0x095ea7b3' } },
    ],
    swap: { ...payment, id: newId('pay', T0), input: { from: '{payer}', to: router, value: '0', data: '0xf28c0498' } },
  }
}

/** The voucher with receipts on their way to a block. */
export function settling(voucher: RedeemedVoucher, nowMs = voucher.updatedAtMs + 1): TermedVoucher {
  return trackSettlement(voucher, aSettlement({ status: 'PENDING', confirmedAtMs: null }), nowMs)
}

/** Rows of each kind that is watched, as they are first written: waiting, mined, attempted; the last has a text that jsonb cannot hold. */
export function watchedRows(): TermedVoucher[] {
  const sent = unseenTransaction({ paymentId: 'pay_a', hash: someHex(32), signedTransaction: null })
  const mined = { ...sent, block: { number: 7, hash: someHex(32) } }
  const input = { from: '{payer}', to: someHex(20), value: '0', data: '0x' } as const
  const payment: Payment = {
    ...{ id: 'pay_a', type: 'send_transaction', network: 'polygon', chainId: 137, input, summary: 'Pays' },
  }
  const paid = (payeeInfo: Redemption['payeeInfo'] = null): RedeemedVoucher => {
    const voucher = redeemed(aVoucher())
    return { ...voucher, redemption: { ...voucher.redemption, payments: [payment], payeeInfo } }
  }
  const pending = (nth: number, transactions: SettlementTransaction[]) =>
    trackSettlement(paid(), aSettlement({ status: 'PENDING', transactions }), T0 + nth)
  const attempts = [T0 + 1, T0 + 2].map((sinceMs) => ({ transactions: [sent], sinceMs }))
  const rows: TermedVoucher[] = [
    pending(1, [mined, sent]),
    pending(2, [mined]),
    { ...paid(), updatedAtMs: T0 + 3, attempts },
    { ...paid({ note: '\u0000' }), updatedAtMs: T0 + 4, attempts },
  ]
  return rows.map((row) => ({ ...row, version: 1 }))
}

export function aSettlement(given: Partial<Settlement> = {}): Settlement {
  return {
    status: 'CONFIRMED',
    network: 'polygon',
    transactions: [],
    confirmations: 1,
    required: 1,
    failure: null,
    submittedAtMs: T0,
    confirmedAtMs: T0,
    answerTo: null,
    ...given,
  }
}

export function anAccount(given: Partial<Account> = {}): Account {
  return { id: newId('usr', T0), version: 1, role: 'USER', createdAtMs: T0, updatedAtMs: T0, ...given }
}

export function aCredential(given: Partial<Credential> = {}): Credential {
  return {
    kind: 'email-password',
    identifier: `${randomBytes(6).toString('hex')}@example.org`,
    accountId: PAYER_ID,
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
    createdAtMs: T0,
    ...given,
  }
}

export function anApiKey(given: Partial<ApiKey> = {}): ApiKey {
  return {
    id: newId('key', T0),
    version: 1,
    ownerId: PAYER_ID,
    name: 'till 1',
    prefix: 'sk_4f2a',
    hash: randomBytes(32).toString('hex'),
    createdAtMs: T0,
    revokedAtMs: null,
    ...given,
  }
}

export function aClaim(given: Partial<Claim> = {}): Claim {
  return { key: `log:31337:0x${randomBytes(32).toString('hex')}:0`, ownerId: 'vch_1', forgetAtMs: null, ...given }
}

export function anAnswer(given: Partial<StoredAnswer> = {}): StoredAnswer {
  return {
    scope: randomBytes(32).toString('hex'),
    requestHash: randomBytes(32).toString('hex'),
    body: '{"id":"vch_1"}',
    expiresAtMs: T0 + 24 * 60 * MINUTE_MS,
    ...given,
  }
}

export function anEvent(given: Partial<Event> = {}): Event {
  return {
    id: newId('evt', T0),
    type: 'voucher.reserved',
    createdAtMs: T0,
    subjectId: 'vch_1',
    version: 1,
    payerId: PAYER_ID,
    payeeId: PAYEE_ID,
    data: { id: 'vch_1', status: 'RESERVED' },
    ...given,
  }
}

/** An endpoint of its own owner, so that its place is free. */
export function anEndpoint(given: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  const endpoint = createEndpoint({
    id: newId('wh', T0),
    ownerId: newId('usr', T0),
    payerId: null,
    payeeId: randomPayeeId(),
    place: 1,
    url: 'https://shop.example/hook',
    description: 'the shop',
    events: [],
    widgetId: null,
    sealedSecret: 'sealed',
    nowMs: T0,
  })
  return { ...endpoint, ...given }
}

/** A delivery that is due from `T0` on. */
export function aDelivery(endpoint: WebhookEndpoint, given: Partial<WebhookDelivery> = {}): WebhookDelivery {
  const delivery = newDelivery({
    id: newId('dly', T0),
    endpoint,
    event: anEvent({ subjectId: newId('vch', T0) }),
    eventPosition: '1',
    nowMs: T0,
  })
  return { ...delivery, ...given }
}

/** A slice that leaves nothing out. */
export const WHOLE_LIST: Page = { limit: 1000, offset: 0, sinceMs: null, untilMs: null }
