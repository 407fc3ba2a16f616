import { createHash } from 'node:crypto'
import { addressKey, isLocalAddress, networkKey } from '../auth/addresses.ts'
import { Refusal } from '../domain/refusal.ts'

/** Who calls. Every use case gets one; the routes let only the right kinds through. */
export type Caller = User | Payee | KeyHolder | { kind: 'operator' } | { kind: 'anonymous' }

/** A registered user: a payer, who may also act as payee. */
export type User = { kind: 'user'; accountId: string; payeeId: string }
/** A payee that signed in with a context code. */
export type Payee = { kind: 'payee'; payeeId: string; contextId: string }
/** A payee with an API key, acting for the key's owner. */
export type KeyHolder = { kind: 'key'; keyId: string; accountId: string; payeeId: string }

export type CallerKind = Caller['kind']

/** One request, as use cases see it. */
export type Call<C extends Caller = Caller> = {
  caller: C
  nowMs: number
  /** The address that the request came from, coarse enough to count by. */
  addressKey: string
  /** The larger network around it; null where addresses are not free to have. */
  networkKey: string | null
  /** Where the call comes from, as all accounts there are counted together (`originKeys`). */
  origin: readonly string[]
  idempotency: Idempotency | null
}

/** The idempotency key of a call, ready to store an answer under. */
export type Idempotency = {
  scope: string
  requestHash: string
  expiresAtMs: number
  /** Turns an answer into what is stored: JSON, sealed where the answer holds a secret. */
  encode: (answer: unknown) => string
  /** Turns what is stored into the answer again. */
  decode: (body: string) => unknown
}

/** The payee identity of an account, in the form that the protocol gives to payees: 64 hex characters. */
export function payeeIdOfAccount(accountId: string): string {
  return createHash('sha256').update(`payee:${accountId}`).digest('hex')
}

/** Names the address of a call, and the network around it, for counting. */
export function addressKeys({ addressKey, networkKey }: Pick<Call, 'addressKey' | 'networkKey'>): string[] {
  return [`address:${addressKey}`, ...(networkKey === null ? [] : [`network:${networkKey}`])]
}

/**
 * Names where a call comes from, for counting all accounts there together: nothing for local addresses, which may be those
 * of a proxy and so everybody's.
 * @param ip as the socket or a trusted proxy gives it
 */
export function originKeys(ip: string): string[] {
  return isLocalAddress(ip) ? [] : addressKeys({ addressKey: addressKey(ip), networkKey: networkKey(ip) })
}

/** Names whom calls are counted for: an account whichever of its keys and tokens it uses, a payee by code by itself. */
export function accountKey(caller: User | Payee | KeyHolder): string {
  return caller.kind === 'payee' ? caller.payeeId : caller.accountId
}

/** Names whose turn it is where callers stand in line: an account has one place in the round, whichever of its keys it uses. */
export function inLineAs({ caller, addressKey }: Pick<Call, 'caller' | 'addressKey'>): string {
  const isParty = caller.kind === 'user' || caller.kind === 'payee' || caller.kind === 'key'
  return isParty ? accountKey(caller) : callerKey({ caller, addressKey })
}

/** Names a caller for idempotency: a key's answers are its own. */
export function callerKey(call: Pick<Call, 'caller' | 'addressKey'>): string {
  switch (call.caller.kind) {
    case 'user':
      return call.caller.accountId
    case 'payee':
      return call.caller.payeeId
    case 'key':
      return call.caller.keyId
    case 'operator':
      return 'operator'
    case 'anonymous':
      return `address:${call.addressKey}`
  }
}

/** @throws Refusal `forbidden` unless the caller is a registered user */
export function asUser(call: Call): Call<User> {
  if (call.caller.kind !== 'user') throw wrongKind('a registered user')
  return { ...call, caller: call.caller }
}

/** @throws Refusal `forbidden` unless the caller can act as payee */
export function asPayee(call: Call): Call<User | Payee | KeyHolder> {
  const { caller } = call
  if (caller.kind === 'user' || caller.kind === 'payee' || caller.kind === 'key') return { ...call, caller }
  throw wrongKind('a payee')
}

/** @throws Refusal `forbidden` unless the caller acts for an account */
export function asAccount(call: Call): Call<User | KeyHolder> {
  const { caller } = call
  if (caller.kind === 'user' || caller.kind === 'key') return { ...call, caller }
  throw wrongKind('a registered user or an API key')
}

function wrongKind(needed: string): Refusal {
  return new Refusal('forbidden', `This call is for ${needed}; the token is of another kind.`)
}
