import { type Context, isReachableByCode } from '../domain/context.ts'
import { Refusal } from '../domain/refusal.ts'
import { type Session, sessionAsOf } from '../domain/session.ts'
import { type Party, type Voucher, voucherAsOf } from '../domain/voucher.ts'
import type { WebhookDelivery } from '../domain/webhook-delivery.ts'
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts'
import { foldCode } from '../protocol/codes.ts'
import type { App } from './app.ts'
import { accountKey, addressKeys, type Call, type KeyHolder, type Payee, type User } from './call.ts'
import type { Rows } from './recent-rows.ts'

/**
 * Look-ups by caller. What exists but belongs to somebody else is `not_found`, as if it did not exist.
 * Rows come as the clock has them.
 */

type AnyParty = User | Payee | KeyHolder

/** @throws Refusal `not_found` */
export async function findOwnContext(app: App, call: Call<User>, contextId: string): Promise<Context> {
  const context = await app.store.context(contextId)
  if (context === null || context.payerId !== call.caller.accountId) throw notFound('context')
  return context
}

/** A voucher of which the caller is the payer. @throws Refusal `not_found` */
export async function findVoucherAsPayer(app: App, call: Call<User>, voucherId: string): Promise<Voucher> {
  return findVoucher(app.store, call, voucherId, (voucher) => voucher.payerId === call.caller.accountId)
}

/** A voucher that the caller reserved. @throws Refusal `not_found` */
export async function findVoucherAsPayee(rows: Rows, call: Call<AnyParty>, voucherId: string): Promise<Voucher> {
  return findVoucher(rows, call, voucherId, (voucher) => voucher.payeeId === call.caller.payeeId)
}

/** A voucher of which the caller is either party. @throws Refusal `not_found` */
export async function findVoucherAsParty(app: App, call: Call<AnyParty>, voucherId: string): Promise<Voucher> {
  return findVoucher(app.store, call, voucherId, (voucher) => isParty(call.caller, voucher))
}

async function findVoucher(
  rows: Rows,
  call: Call<AnyParty>,
  voucherId: string,
  mayTouch: (voucher: Voucher) => boolean,
): Promise<Voucher> {
  const voucher = await rows.voucher(voucherId)
  if (voucher === null || !mayTouch(voucher)) throw notFound('voucher')
  return voucherAsOf(voucher, call.nowMs)
}

/** A session that the caller opened. @throws Refusal `not_found` */
export async function findSessionAsPayee(app: App, call: Call<AnyParty>, sessionId: string): Promise<Session> {
  const session = await app.store.session(sessionId)
  if (session === null || session.payeeId !== call.caller.payeeId) throw notFound('session')
  return sessionAsOf(session, call.nowMs)
}

/** A session under one of the caller's contexts. @throws Refusal `not_found` */
export async function findSessionAsPayer(app: App, call: Call<User>, sessionId: string): Promise<Session> {
  const session = await app.store.session(sessionId)
  if (session === null || session.payerId !== call.caller.accountId) throw notFound('session')
  return sessionAsOf(session, call.nowMs)
}

/** A session of which the caller is either party. @throws Refusal `not_found` */
export async function findSessionAsParty(app: App, call: Call<AnyParty>, sessionId: string): Promise<Session> {
  const session = await app.store.session(sessionId)
  if (session === null || !isParty(call.caller, session)) throw notFound('session')
  return sessionAsOf(session, call.nowMs)
}

/**
 * The context that a payee names by its code, open or not. A payee by context code reaches its own context only, so
 * its codes are no guesses; every other caller's wrong codes are counted.
 * @param rows where the own context is found
 * @throws Refusal `invalid_code`, `not_found`, `rate_limit`
 */
export async function findContextByCode(
  app: App,
  call: Call<AnyParty>,
  typed: string,
  rows: Rows = app.store,
): Promise<Context> {
  const code = foldCode(typed)
  if (code === null) throw new Refusal('invalid_code', 'A context code has 6 characters, digits and letters.')
  if (call.caller.kind === 'payee') {
    const own = await rows.context(call.caller.contextId)
    if (own?.code !== code) throw new Refusal('invalid_code', 'This token is for another context code.')
    return own
  }
  const context = await app.store.contextByCode(code)
  const keys = guessKeys(call)
  if (context === null) {
    await app.guesses.miss('code', keys)
    throw notFound('context')
  }
  // Codes of the past are guesses as good as any other; a payer that names a code of its own has guessed nothing.
  const isGuess = call.caller.accountId !== context.payerId && !isReachableByCode(context, call.nowMs)
  if (isGuess) await app.guesses.miss('code', keys)
  else await app.guesses.check('code', keys)
  return context
}

/** An endpoint of the caller's account. @throws Refusal `not_found` */
export async function findWebhookEndpoint(
  app: App,
  { caller }: Call<User | KeyHolder>,
  endpointId: string,
): Promise<WebhookEndpoint> {
  const endpoint = await app.store.webhookEndpoint(endpointId)
  if (endpoint === null || endpoint.deletedAtMs !== null || !mayManage(caller, endpoint)) {
    throw notFound('webhook endpoint')
  }
  return endpoint
}

/** A delivery to an endpoint of the caller's account. @throws Refusal `not_found` */
export async function findWebhookDelivery(
  app: App,
  { caller }: Call<User | KeyHolder>,
  deliveryId: string,
): Promise<WebhookDelivery> {
  const delivery = await app.store.webhookDelivery(deliveryId)
  if (delivery === null || !mayManage(caller, delivery)) throw notFound('delivery')
  return delivery
}

/** An API key never acts as payer, so it has no say over an endpoint that hears of what its owner pays. */
function mayManage(caller: User | KeyHolder, row: { ownerId: string; payerId: string | null }): boolean {
  return row.ownerId === caller.accountId && (caller.kind === 'user' || row.payerId === null)
}

/** What wrong guesses of this caller are counted under: its account, if it has one, its address, and its network. */
export function guessKeys(call: Call): string[] {
  const { caller } = call
  return caller.kind === 'user' || caller.kind === 'key'
    ? [accountKey(caller), ...addressKeys(call)]
    : addressKeys(call)
}

/** Whose rows the caller sees in lists. */
export function partyOf(caller: AnyParty): { payerId: string | null; payeeId: string } {
  return { payerId: caller.kind === 'user' ? caller.accountId : null, payeeId: caller.payeeId }
}

function isParty(caller: AnyParty, row: { payerId: string; payeeId: string }): boolean {
  return row.payeeId === caller.payeeId || (caller.kind === 'user' && row.payerId === caller.accountId)
}

/** On which side of a row a party of it acts. A user who is both acts as payer: as payee, keys and codes act for it. */
export function sideOf(caller: AnyParty, row: { payerId: string }): Party {
  return caller.kind === 'user' && row.payerId === caller.accountId ? 'payer' : 'payee'
}

export function notFound(
  what: 'context' | 'session' | 'voucher' | 'API key' | 'webhook endpoint' | 'delivery',
): Refusal {
  return new Refusal('not_found', `There is no such ${what}, or it is not yours.`)
}
