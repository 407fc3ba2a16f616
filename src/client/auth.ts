import { CONTEXT_CODE_RESOURCE } from '../protocol/codes.ts'
import type { AccountView, AuthorizationView, ChallengeView } from '../protocol/schemas.ts'
import { ANONYMOUS, type Auth, type CallOptions, type ClientOptions, createClient } from './client.ts'

type EmailPassword = { email: string; password: string }

/** Makes an account for a payer. */
export function signUp(options: ClientOptions & EmailPassword & CallOptions): Promise<AccountView> {
  const { email, password } = options
  const body = { type: 'email-password', data: { email, password } }
  return createClient(options, ANONYMOUS).post('/auth/sign-up', body, { signal: options.signal })
}

/** @returns the payer's token, which lives for a day */
export function signIn(options: ClientOptions & EmailPassword & CallOptions): Promise<string> {
  const { email, password } = options
  return tokenFor(options, 'email-password', { email, password })
}

/**
 * Signs a payer in by a signature of its wallet (EIP-4361); the first time makes the account.
 * @returns the payer's token, which lives for a day
 */
export async function signInWithWallet(
  options: ClientOptions &
    CallOptions & {
      wallet: { address: string; signMessage: (message: string) => Promise<string> }
      /** Of a network that the server has enabled; where the wallet is a contract, of the one that it is on. */
      chainId: number
    },
): Promise<string> {
  const { url, wallet, chainId, signal } = options
  // A server takes no message from the future; this computer's clock may be wrong, and the server's is told.
  let issuedAtMs = Date.now()
  const onServerTime = (serverTimeMs: number) => {
    issuedAtMs = serverTimeMs
    options.onServerTime?.(serverTimeMs)
  }
  const stranger = createClient({ ...options, onServerTime }, ANONYMOUS)
  const { challenge } = await stranger.get<ChallengeView>('/auth/get-challenge', { signal })
  const { host, origin } = new URL(url)
  const message = [
    `${host} wants you to sign in with your Ethereum account:`,
    wallet.address,
    '',
    'Sign in as the payer.',
    '',
    `URI: ${origin}`,
    'Version: 1',
    `Chain ID: ${chainId}`,
    `Nonce: ${challenge}`,
    `Issued At: ${new Date(issuedAtMs).toISOString()}`,
  ].join('\n')
  return tokenFor(options, 'wallet', { message, signature: await wallet.signMessage(message) })
}

/** @returns the token of a new payee, who may ask for payments in the context of that code, and sees what it made */
export function signInWithCode(options: ClientOptions & CallOptions & { contextCode: string }): Promise<string> {
  return tokenFor(options, 'resource', { resource: CONTEXT_CODE_RESOURCE + options.contextCode })
}

async function tokenFor(options: ClientOptions & CallOptions, type: string, data: object): Promise<string> {
  const { signal } = options
  const stranger = createClient(options, ANONYMOUS)
  const { authorization } = await stranger.post<AuthorizationView>('/auth/sign-in', { type, data }, { signal })
  return authorization.token
}

/** Signs in at the first call. */
export function byContextCode(options: ClientOptions & { contextCode: string }): Auth {
  let token: Promise<string> | null = null
  return async () => {
    // The call that waits for it is repeated, and the sign-in with it.
    token ??= signInWithCode({ ...options, retries: 0 }).catch((error) => {
      token = null
      throw error
    })
    return { authorization: `Bearer ${await token}` }
  }
}

/** @throws TypeError where no header can hold the key */
export function byApiKey(key: string): Auth {
  return always({ 'x-api-key': key })
}

/** @throws TypeError where no header can hold the token */
export function byToken(token: string): Auth {
  return always({ authorization: `Bearer ${token}` })
}

function always(headers: Record<string, string>): Auth {
  const checked = Object.fromEntries(new Headers(headers))
  return async () => checked
}
