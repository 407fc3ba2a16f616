import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { type Attestation, noAttestation } from '../../src/auth/attestation.ts'
import type { RatePreset } from '../../src/auth/rate-limits.ts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { Passing } from '../../src/operating/steady-clock.ts'
import type {
  AuthorizationView,
  ContextView,
  ReservedView,
  SessionView,
  VoucherView,
} from '../../src/protocol/schemas.ts'
import {
  type Operation,
  type RelayerSettings,
  type RunningServer,
  type ServedNetwork,
  startServer,
} from '../../src/server.ts'
import type { SwapPolicy, Times } from '../../src/use-cases/app.ts'
import { assertDocumented } from './documented.ts'

/** Where payments go in tests: nobody's address, so that its balance is the test's alone. */
export const PAYEE_ADDRESS: Hex = '0x00000000000000000000000000000000000b0b00'

export const PAYER_ADDRESS: Hex = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

/** A token that needs no chain: its network has no node, so receipts are taken at the payer's word. */
export const UNVERIFIED_NETWORK = 'testnet'

export type TestServerOptions = {
  /** Kept over restarts; otherwise any free one, and another after each restart. */
  port?: number
  networks?: ServedNetwork[]
  times?: Partial<Times>
  swaps?: Partial<SwapPolicy>
  rateLimits?: RatePreset
  webhookAllow?: string[]
  relayer?: RelayerSettings
  attestation?: Attestation
  sandboxRpcUrl?: string
  /** A directory to keep; otherwise a new one that ends with the server. */
  dataDir?: string
  /** A PostgreSQL database instead of the embedded store. */
  databaseUrl?: string
  publicHosts?: string[]
  /** Otherwise real time plus what the test adds. */
  clock?: TestClock
  isClockRight?: boolean
  passing?: Passing
  logger?: FastifyBaseLogger
  operation?: Partial<Operation>
}

/** The clock of a test server: real time plus what the test adds. */
export type TestClock = { now: () => number; advance: (ms: number) => void }

export type TestServer = RunningServer & {
  clock: TestClock
  dataDir: string
  /** Stops the server and starts it again on the same data. */
  restart: () => Promise<TestServer>
}

const DEFAULT_TIMES: Times = {
  reserveTtlMs: 120_000,
  signingTtlMs: 600_000,
  contextTtlMs: 600_000,
  resolveWaitMs: 10_000,
  unknownGraceMs: 300,
  dropGraceMs: 60_000,
}

/** Starts the real server on a free port, on a real SQLite file. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const clock = options.clock ?? createClock()
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'sixpence-test-')))
  const start = async (): Promise<TestServer> => {
    const server = await startServer({
      host: '127.0.0.1',
      port: options.port ?? 0,
      dataDir,
      databaseUrl: options.databaseUrl ?? null,
      publicHosts: options.publicHosts ?? [],
      times: { ...DEFAULT_TIMES, ...options.times },
      swaps: options.swaps ?? {},
      rateLimits: options.rateLimits ?? 'off',
      webhookAllow: options.webhookAllow ?? ['127.0.0.1'],
      attestation: options.attestation ?? noAttestation,
      // Tests sign thousands of payers in.
      passwordCost: { memoryCost: 64, timeCost: 1 },
      sandboxRpcUrl: options.sandboxRpcUrl ?? null,
      networks: options.networks ?? [unverifiedNetwork()],
      ...(options.relayer && { relayer: options.relayer }),
      clock: clock.now,
      isClockRight: options.isClockRight ?? true,
      ...(options.passing && { passing: options.passing }),
      logger: options.logger ?? null,
      operation: options.operation ?? {},
    })
    return {
      ...server,
      clock,
      dataDir,
      restart: async () => {
        await server.stop()
        return start()
      },
      stop: async () => {
        await server.stop()
        if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true })
      },
    }
  }
  return start()
}

/** A clock that can be put ahead. */
export function createClock(): TestClock {
  let aheadMs = 0
  return {
    now: () => Date.now() + aheadMs,
    advance: (ms) => {
      aheadMs += ms
    },
  }
}

/** A network without a node. */
export function unverifiedNetwork(): ServedNetwork {
  return {
    network: { name: UNVERIFIED_NETWORK, type: 'evm', chainId: 31338, nativeCurrency: COIN, enabled: true },
    currencies: [
      token(UNVERIFIED_NETWORK, 'EURC', '0x00000000000000000000000000000000000E0000', 6),
      token(UNVERIFIED_NETWORK, 'COIN', '', 18),
    ],
    rpcUrls: [],
    confirmations: 1,
    pollIntervalMs: 1000,
    maxHeadAgeMs: null,
  }
}

const COIN = { symbol: 'COIN', decimals: 18 }

export function token(network: string, symbol: string, address: Hex | '', decimals: number): Currency {
  return { symbol, network, address, decimals, enabled: true }
}

/** A network on a real test chain. */
export function chainNetwork(input: {
  name: string
  chainId: number
  rpcUrls: string[]
  currencies: Currency[]
  confirmations?: number
}): ServedNetwork {
  return {
    network: { name: input.name, type: 'evm', chainId: input.chainId, nativeCurrency: COIN, enabled: true },
    currencies: [...input.currencies, token(input.name, COIN.symbol, '', COIN.decimals)],
    rpcUrls: input.rpcUrls,
    confirmations: input.confirmations ?? 3,
    pollIntervalMs: 100,
    maxHeadAgeMs: null,
  }
}

/** What came back of a call, whatever it was. */
export type Answer<Body = Record<string, unknown>> = {
  status: number
  body: Body & { code?: string; detail?: string }
  headers: Headers
}

/** A caller of the API in a test: with or without a token. Nothing throws; the test looks at the answer. */
export type TestCaller = {
  /** What the caller sends along with every call. */
  headers: Record<string, string>
  get: <Body = Record<string, unknown>>(path: string) => Promise<Answer<Body>>
  post: <Body = Record<string, unknown>>(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer<Body>>
  patch: <Body = Record<string, unknown>>(path: string, body?: unknown) => Promise<Answer<Body>>
  delete: <Body = Record<string, unknown>>(path: string) => Promise<Answer<Body>>
}

/** Where to call: one server, or several that share a store and take turns. */
export type Where = string | readonly string[]

export function callerOf(where: Where, headers: Record<string, string> = {}): TestCaller {
  const urls = typeof where === 'string' ? [where] : where
  let calls = 0
  const send = async <Body>(path: string, init: RequestInit): Promise<Answer<Body>> => {
    const response = await fetch(`${urls[calls++ % urls.length]}/api/v1${path}`, init)
    const body = (await bodyOf(response)) as Answer<Body>['body']
    const { status, headers } = response
    if (status >= 400) assertDocumented(init.method ?? 'GET', path, { status, code: body.code ?? '' })
    return { status, body, headers }
  }
  const withBody = (method: string, body: unknown, more: Record<string, string> = {}) => ({
    method,
    headers: { ...headers, ...more, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return {
    headers,
    get: (path) => send(path, { headers }),
    post: (path, body = {}, more = {}) => send(path, withBody('POST', body, more)),
    patch: (path, body = {}) => send(path, withBody('PATCH', body)),
    delete: (path) => send(path, { method: 'DELETE', headers }),
  }
}

/** A stream has no end: that it has begun is the answer. */
async function bodyOf(response: Response): Promise<unknown> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return response.json()
  await response.body?.cancel()
  return {}
}

export function withToken(where: Where, token: string): TestCaller {
  return callerOf(where, { authorization: `Bearer ${token}` })
}

let emails = 0

/** Signs a new payer up and in. */
export async function newPayer(where: Where): Promise<{ caller: TestCaller; token: string; accountId: string }> {
  const stranger = callerOf(where)
  emails += 1
  const data = { email: `payer-${process.pid}-${emails}-${Date.now()}@example.com`, password: 'correct horse battery' }
  const account = await stranger.post<{ id: string }>('/auth/sign-up', { type: 'email-password', data })
  const { body } = await stranger.post<AuthorizationView>('/auth/sign-in', { type: 'email-password', data })
  const { token } = body.authorization
  return { caller: withToken(where, token), token, accountId: account.body.id }
}

/** A payer with an open context, and a payee that signed in with its code. */
export type Parties = {
  payer: TestCaller
  payerToken: string
  payee: TestCaller
  payeeToken: string
  context: ContextView
}

export async function newParties(where: Where, options: ContextOptions = {}): Promise<Parties> {
  const { caller, token } = await newPayer(where)
  return { ...(await newContext(where, caller, options)), payerToken: token }
}

/** One context and its two sides. */
export type Scene = Omit<Parties, 'payerToken'>

type ContextOptions = { payers?: Hex[]; format?: 'numeric' | 'alphanum' }

/** Opens a context of a payer and signs a payee in with its code. */
export async function newContext(where: Where, payer: TestCaller, options: ContextOptions = {}): Promise<Scene> {
  const { body: context } = await payer.post<ContextView>('/vouchers/contexts/context-open', {
    format: options.format ?? 'alphanum',
    payers: (options.payers ?? [PAYER_ADDRESS]).map((address) => ({ address })),
  })
  const payeeToken = await signInByCode(where, context.code)
  return { payer, payee: withToken(where, payeeToken), payeeToken, context }
}

export async function signInByCode(where: Where, code: string): Promise<string> {
  const { body } = await callerOf(where).post<AuthorizationView>('/auth/sign-in', {
    type: 'resource',
    data: { resource: `voucher::context::code::${code}` },
  })
  return body.authorization.token
}

export async function reserve({ payee, context }: Scene): Promise<ReservedView> {
  return (await payee.post<ReservedView>('/vouchers/reserve-voucher', { code: context.code })).body
}

export async function openSession({ payee, context }: Scene): Promise<SessionView> {
  return (await payee.post<SessionView>('/vouchers/sessions/session-open', { code: context.code })).body
}

/** Terms of a SIMPLE voucher. */
export function asking(
  amount: string,
  currency: Pick<Currency, 'symbol' | 'network' | 'address'> = token(
    UNVERIFIED_NETWORK,
    'EURC',
    '0x00000000000000000000000000000000000E0000',
    6,
  ),
  recipient: Hex = PAYEE_ADDRESS,
) {
  return {
    expectedPayment: {
      network: currency.network,
      currency: currency.symbol,
      currencyAddress: currency.address,
      amount,
      wallet: { address: recipient },
    },
  }
}

/** Reserves and redeems in one go. */
export async function redeem(parties: Scene, terms: unknown): Promise<VoucherView> {
  const { id } = await reserve(parties)
  return (await parties.payee.post<VoucherView>(`/vouchers/${id}/redeem-voucher`, terms)).body
}

/** Reserves in a session and redeems. */
export async function redeemInSession({ payee }: Scene, sessionId: string, terms: unknown): Promise<VoucherView> {
  const { body } = await payee.post<ReservedView>(`/vouchers/sessions/${sessionId}/reserve-voucher`)
  return (await payee.post<VoucherView>(`/vouchers/${body.id}/redeem-voucher`, terms)).body
}

/** The receipts of a voucher, all paid by the same transaction or at the payer's word. */
export function receiptsOf(voucher: VoucherView, proof: Record<string, string> = {}) {
  return { receipts: (voucher.payments ?? []).map(({ id }) => ({ paymentId: id, ...proof })) }
}

/** What is looked for often shows in a moment, and else it takes a while. */
const FIRST_PAUSE_MS = 3
const LONGEST_PAUSE_MS = 25

/** Looks until `probe` finds something, for `patienceMs` at most. */
export async function eventually<T>(
  probe: () => Promise<T | null | undefined | false>,
  patienceMs = 120_000,
): Promise<T> {
  const deadlineMs = Date.now() + patienceMs
  for (let pauseMs = FIRST_PAUSE_MS; Date.now() < deadlineMs; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const found = await probe()
    if (found) return found
    await new Promise((wake) => setTimeout(wake, pauseMs))
  }
  throw new Error(`nothing came within ${patienceMs} ms`)
}
