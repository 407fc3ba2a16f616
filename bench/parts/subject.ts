import { noAttestation } from '../../src/auth/attestation.ts'
import { sandboxNetwork, servedNetwork } from '../../src/networks.ts'
import type { AuthorizationView, ContextView } from '../../src/protocol/schemas.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { benchNetwork } from '../network.ts'
import { servePart } from '../part.ts'
import type { Caller } from '../requests.ts'

/** The server under test: all of it, with the defaults of `serve`, but for rate limits and how long a context lives. */

export type SubjectPart = typeof handlers

const MINUTE_MS = 60_000

/** The sandbox's second and third account. */
const PAYERS = ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8', '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'].map(
  (address) => ({ address }),
)

let server: RunningServer | undefined

const handlers = { start, payeeTokens, peakRssMb }

/** @param place.databaseUrl null: the embedded store in `dataDir` */
async function start({
  rpcUrl,
  isSandbox = false,
  ...place
}: {
  dataDir: string
  databaseUrl: string | null
  rpcUrl: string
  /** Whether the node is a sandbox's, with tokens and an exchange. */
  isSandbox?: boolean
}): Promise<{ url: string; caller: Caller; payerToken: string }> {
  server = await startServer({
    host: '127.0.0.1',
    port: 0,
    ...place,
    publicHosts: [],
    times: {
      reserveTtlMs: 2 * MINUTE_MS,
      signingTtlMs: 10 * MINUTE_MS,
      contextTtlMs: 60 * MINUTE_MS,
      resolveWaitMs: 30_000,
      unknownGraceMs: 10_000,
      dropGraceMs: MINUTE_MS,
    },
    rateLimits: 'off',
    webhookAllow: [],
    attestation: noAttestation,
    networks: [isSandbox ? servedNetwork(sandboxNetwork({ rpcUrl })) : benchNetwork(rpcUrl)],
    clock: Date.now,
    logger: null,
  })
  return { url: server.url, ...(await signIn(server.url)) }
}

/** A payer opens a context, and a payee signs in with its code. */
async function signIn(url: string): Promise<{ caller: Caller; payerToken: string }> {
  const data = { email: `payer-${process.pid}@example.com`, password: 'correct horse battery' }
  await post(url, '/auth/sign-up', { type: 'email-password', data })
  const payer = await post<AuthorizationView>(url, '/auth/sign-in', { type: 'email-password', data })
  const context = await post<ContextView>(
    url,
    '/vouchers/contexts/context-open',
    { format: 'numeric', payers: PAYERS },
    { authorization: `Bearer ${payer.authorization.token}` },
  )
  const resource = `voucher::context::code::${context.code}`
  const payee = await post<AuthorizationView>(url, '/auth/sign-in', { type: 'resource', data: { resource } })
  const caller = { token: payee.authorization.token, contextCode: context.code }
  return { caller, payerToken: payer.authorization.token }
}

/** Signs so many payees in with one code. Each has an identity of its own, and sees nothing of the others. */
async function payeeTokens({ count, contextCode }: { count: number; contextCode: string }): Promise<string[]> {
  const tokens: string[] = []
  const data = { resource: `voucher::context::code::${contextCode}` }
  for (let payee = 0; payee < count; payee++) {
    const signedIn = await post<AuthorizationView>(server?.url ?? '', '/auth/sign-in', { type: 'resource', data })
    tokens.push(signedIn.authorization.token)
  }
  return tokens
}

async function post<Body>(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Body> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
  return (await response.json()) as Body
}

/** Peak resident set of this process, in units of 1 000 000 bytes. */
function peakRssMb(): number {
  return (process.resourceUsage().maxRSS * 1024) / 1_000_000
}

servePart(handlers, async () => server?.stop())
