import { createSecretKey, randomUUID, type webcrypto } from 'node:crypto'
import { decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { LONGEST_TOKEN_LIFE_MS, type Secrets, signingKeyAt, type TokenKey } from './secrets.ts'

/** Whom a token speaks for. */
export type TokenHolder =
  /** A registered user. */
  | { kind: 'user'; accountId: string }
  /** A payee that signed in with a context code. `payeeId` is 64 hex characters. */
  | { kind: 'payee'; payeeId: string; contextId: string }
  /** The command line, which proves by it that it reads the server's data directory. */
  | { kind: 'operator' }

type TokenClaims = TokenHolder & { tokenId: string; issuedAtMs: number; expiresAtMs: number }

export type Tokens = {
  /** A new JWT: 24 h for users and payees, 60 s for the operator. */
  issue(holder: TokenHolder): Promise<string>
  /**
   * What the token says, or null for every token that is not good now.
   * @throws whatever the place of the secrets throws, when it is to be asked whether there is a newer key
   */
  verify(token: string): Promise<TokenClaims | null>
}

const ALGORITHM = 'HS256'
const ISSUER = 'sixpence'
const AUDIENCE = 'sixpence'

const LIFE_SECONDS: Record<TokenHolder['kind'], number> = {
  user: LONGEST_TOKEN_LIFE_MS / 1000,
  payee: LONGEST_TOKEN_LIFE_MS / 1000,
  operator: 60,
}

const VERIFIED_TOKENS_KEPT = 10_000

/** Three runs of base64url. Decoders forgive spaces and padding, with which one token would fill the cache as many. */
const COMPACT_FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/
const TOKEN_MAX_LENGTH = 1024

/** @param input.clock Unix milliseconds */
export function createTokens(input: {
  secrets: Pick<Secrets, 'tokenKeys' | 'lookForTokenKeys'>
  clock: () => number
}): Tokens {
  const { secrets, clock } = input
  const verified = new LRUCache<string, TokenClaims>({ max: VERIFIED_TOKENS_KEPT })

  const keyNamed = (kid: string): TokenKey | undefined => secrets.tokenKeys.find((key) => key.kid === kid)

  /** A key that is not known here may be one that another server has begun to sign with. */
  const keyOf = async (token: string): Promise<TokenKey | undefined> => {
    const kid = kidOf(token)
    if (kid === null) return undefined
    const known = keyNamed(kid)
    if (known !== undefined || secrets.lookForTokenKeys === undefined) return known
    await secrets.lookForTokenKeys()
    return keyNamed(kid)
  }

  const verifyAfresh = async (token: string): Promise<TokenClaims | null> => {
    if (token.length > TOKEN_MAX_LENGTH || !COMPACT_FORM.test(token)) return null
    const key = await keyOf(token)
    if (key === undefined) return null
    try {
      const { payload } = await jwtVerify(token, hmacKey(key), {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience: AUDIENCE,
        currentDate: new Date(clock()),
      })
      const claims = readClaims(payload)
      if (claims !== null) verified.set(token, claims)
      return claims
    } catch {
      return null
    }
  }

  return {
    async issue(holder) {
      const signing = signingKeyAt(secrets.tokenKeys, clock())
      const issuedAtSeconds = Math.floor(clock() / 1000)
      return new SignJWT(writeClaims(holder))
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: signing.kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(issuedAtSeconds + LIFE_SECONDS[holder.kind])
        .setJti(randomUUID())
        .sign(hmacKey(signing))
    },

    async verify(token) {
      const claims = verified.get(token) ?? (await verifyAfresh(token))
      return claims !== null && clock() < claims.expiresAtMs ? claims : null
    },
  }
}

const hmacKeys = new WeakMap<TokenKey, webcrypto.CryptoKey>()

/** Made once for each key, which takes longer than to sign with it. */
function hmacKey(tokenKey: TokenKey): webcrypto.CryptoKey {
  const made =
    hmacKeys.get(tokenKey) ??
    createSecretKey(tokenKey.key).toCryptoKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
  hmacKeys.set(tokenKey, made)
  return made
}

/** The id of the key that a token says it was signed with. */
function kidOf(token: string): string | null {
  try {
    return decodeProtectedHeader(token).kid ?? null
  } catch {
    return null
  }
}

function writeClaims(holder: TokenHolder): JWTPayload {
  switch (holder.kind) {
    case 'user':
      return { kind: 'user', sub: holder.accountId }
    case 'payee':
      return { kind: 'payee', sub: holder.payeeId, ctx: holder.contextId }
    case 'operator':
      return { kind: 'operator', sub: 'operator' }
  }
}

function readClaims({ kind, sub, ctx, jti, iat, exp }: JWTPayload): TokenClaims | null {
  if (sub === undefined || jti === undefined || iat === undefined || exp === undefined) return null
  const common = { tokenId: jti, issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 }
  switch (kind) {
    case 'user':
      return sub.startsWith('usr_') ? { kind, accountId: sub, ...common } : null
    case 'payee':
      return PAYEE_ID.test(sub) && typeof ctx === 'string' ? { kind, payeeId: sub, contextId: ctx, ...common } : null
    case 'operator':
      return { kind, ...common }
    default:
      return null
  }
}

const PAYEE_ID = /^[0-9a-f]{64}$/
