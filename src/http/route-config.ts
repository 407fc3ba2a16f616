import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import { addressKey, networkKey } from '../auth/addresses.ts'
import type { RateGroup } from '../auth/rate-limits.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Shed } from '../operating/load.ts'
import type { App } from '../use-cases/app.ts'
import { authenticate, type Presented } from '../use-cases/authenticate.ts'
import { accountKey, addressKeys, type Call, type Caller, type CallerKind, originKeys } from '../use-cases/call.ts'

/** What every route must say about itself. */
export type RouteConfig = {
  /** The kinds of callers that may call it; empty: anybody, without a token. */
  callers: readonly CallerKind[]
  /** The group under which its calls are limited; null: they are not. */
  limit: RateGroup | null
  /** True where the answer holds a token or a key: it is sealed before it is stored. */
  secretAnswer?: boolean
  /**
   * True where a repeated call always loses to what the first one did, before it has any other effect: then the stored
   * answer is looked for only when it has lost, which saves the first call a question.
   */
  repeatLoses?: boolean
  /** When its calls are refused under too much load; otherwise GETs first, POSTs second. */
  shed?: Shed
  /** True where calls mostly wait for something outside: they do not count as load. */
  waits?: boolean
}

declare module 'fastify' {
  interface FastifyContextConfig extends Partial<RouteConfig> {}
  interface FastifyRequest {
    call: Call
  }
}

export const ANYBODY: readonly CallerKind[] = []
export const PAYERS: readonly CallerKind[] = ['user']
export const PAYEES: readonly CallerKind[] = ['user', 'payee', 'key']
export const ACCOUNTS: readonly CallerKind[] = ['user', 'key']
export const KEY_MANAGERS: readonly CallerKind[] = ['user', 'operator']
/** A key may end itself: whoever holds it can put it out of use before it is lost. */
export const KEY_ENDERS: readonly CallerKind[] = [...KEY_MANAGERS, 'key']

export const PAYEE_WRITE = { callers: PAYEES, limit: 'write' } as const
export const PAYER_WRITE = { callers: PAYERS, limit: 'write' } as const
export const PAYER_READ = { callers: PAYERS, limit: 'read' } as const
/** Ends payments that have begun, of a voucher or of a session; waits for their blocks. */
export const RESOLVE = { ...PAYER_WRITE, shed: 'last', waits: true } as const
/** Reserves a voucher, in a context or in a session. */
export const RESERVE = { ...PAYEE_WRITE, repeatLoses: true } as const

/**
 * Lets the caller in, or not: who calls, whether the route is for that kind, and whether its limit is used up. Runs
 * before the body is read, so that strangers cost little.
 * @throws Refusal `unauthorized`, `forbidden`, `rate_limit`
 */
export async function admit(app: App, request: FastifyRequest): Promise<void> {
  const { callers, limit } = configOf(request.routeOptions.config)
  const from = { addressKey: addressKey(request.ip), networkKey: networkKey(request.ip) }
  const caller = callers.length === 0 ? ANONYMOUS : await authenticated(app, request, addressKeys(from))
  request.call = { caller, nowMs: app.clock(), ...from, origin: originKeys(request.ip), idempotency: null }
  if (limit !== null) await count(app, limit, request.call)
  if (callers.length > 0 && !callers.includes(caller.kind)) {
    throw new Refusal(
      'forbidden',
      `This call is not for a token of this kind. It is for: ${callers.map(named).join(', ')}.`,
    )
  }
}

/** A route that does not say who may call it answers nobody. */
export function configOf(config: FastifyContextConfig): RouteConfig {
  const { callers, limit, secretAnswer = false, repeatLoses = false } = config
  if (!callers || limit === undefined) throw new Error('a route must state its callers and its limit')
  return { callers, limit, secretAnswer, repeatLoses }
}

const ANONYMOUS: Caller = { kind: 'anonymous' }

/** Counts a call for its caller and, where that is signed in, for all accounts of its address together. */
async function count(app: App, group: RateGroup, call: Call): Promise<void> {
  const isOfAccount = call.caller.kind !== 'anonymous' && call.caller.kind !== 'operator'
  await app.limits.consume(group, await countedAs(app, call), isOfAccount ? call.origin : [])
}

/**
 * Whom a call counts for: an account, whichever of its keys and tokens it comes with. Identities of payees by code are free
 * to make, so they count as the payer whose code it is and where they call from: whoever else has the code has calls of
 * its own.
 */
export async function countedAs(app: App, call: Call): Promise<string[]> {
  const { caller } = call
  switch (caller.kind) {
    case 'anonymous':
      return addressKeys(call)
    case 'operator':
      return ['operator']
    case 'payee': {
      const context = await app.recent.recall().context(caller.contextId)
      return [`payees of ${context?.payerId ?? caller.contextId} at ${call.networkKey ?? call.addressKey}`]
    }
    default:
      return [accountKey(caller)]
  }
}

/** Bad tokens count against the address that sends them. */
async function authenticated(app: App, request: FastifyRequest, addresses: string[]): Promise<Caller> {
  try {
    return await authenticate(app, presentedIn(request))
  } catch (error) {
    await app.limits.consume('auth', addresses)
    throw error
  }
}

/** Whether the caller would be let in again: tokens expire, and keys are revoked. What cannot be told ends nothing. */
export async function isStillAdmitted(app: App, request: FastifyRequest): Promise<boolean> {
  try {
    await authenticate(app, presentedIn(request))
    return true
  } catch (error) {
    return !(error instanceof Refusal && error.code === 'unauthorized')
  }
}

/** How the request says who it is from. */
function presentedIn({ headers }: FastifyRequest): Presented {
  const { authorization, 'x-api-key': apiKey } = headers
  return { authorization, apiKey: typeof apiKey === 'string' ? apiKey : undefined }
}

function named(kind: CallerKind): string {
  switch (kind) {
    case 'user':
      return 'a registered user'
    case 'payee':
      return 'a payee by context code'
    case 'key':
      return 'an API key'
    case 'operator':
      return 'the operator'
    case 'anonymous':
      return 'anybody'
  }
}
