import { createHash, randomBytes } from 'node:crypto'
import { checkChallenge } from '../auth/challenges.ts'
import { readWalletMessage, refusalOfTime } from '../auth/wallet-sign-in.ts'
import type { CredentialKind } from '../domain/account.ts'
import { assertReachableByCode } from '../domain/context.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { CONTEXT_CODE_RESOURCE, foldCode } from '../protocol/codes.ts'
import {
  type AuthorizationView,
  DeviceSignInData,
  EmailPasswordData,
  ResourceData,
  type TypedDataBody,
  WalletData,
} from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call } from './call.ts'
import { decideAndCommit, keepAnswer } from './commit.ts'
import { guessKeys } from './find.ts'
import { findSigner } from './find-signer.ts'
import { readData } from './read-data.ts'
import { foldEmail, newAccount, newAccountCount } from './sign-up.ts'

/**
 * Gives a token to whoever proves to be a payer, or names an open context as its payee.
 * @throws Refusal `invalid_type`, `invalid_credentials`, `validation_failed`, `rate_limit`
 */
export async function signIn(app: App, call: Call, body: TypedDataBody): Promise<AuthorizationView> {
  switch (body.type) {
    case 'resource':
      return signInByContextCode(app, call, readData(ResourceData, body.data).resource)
    case 'email-password': {
      const { email, password } = readData(EmailPasswordData, body.data)
      return signInByPassword(app, call, 'email-password', foldEmail(email), password)
    }
    case 'mobile-device': {
      const { installationId, password } = readData(DeviceSignInData, body.data)
      return signInByPassword(app, call, 'mobile-device', installationId, password)
    }
    case 'wallet':
      return signInByWallet(app, call, readData(WalletData, body.data))
    default:
      throw new Refusal('invalid_type', 'type must be "resource", "email-password", "mobile-device" or "wallet".')
  }
}

/** Each sign-in by context code makes a payee of its own, who sees what its token made and nothing else. */
async function signInByContextCode(app: App, call: Call, resource: string): Promise<AuthorizationView> {
  if (!resource.startsWith(CONTEXT_CODE_RESOURCE)) {
    throw invalidField('/data/resource', `must be "${CONTEXT_CODE_RESOURCE}" and the context code`)
  }
  const code = foldCode(resource.slice(CONTEXT_CODE_RESOURCE.length))
  const context = code === null ? null : await app.store.contextByCode(code)
  const keys = guessKeys(call)
  if (context === null) {
    await app.guesses.miss('code', keys)
    throw new Refusal('invalid_credentials', 'No payer has opened a context with this code. Check it with the payer.')
  }
  try {
    assertReachableByCode(context, call.nowMs)
  } catch (cause) {
    await app.guesses.miss('code', keys)
    throw new Refusal('invalid_credentials', cause instanceof Refusal ? cause.message : 'The code is not valid.', {
      cause,
    })
  }
  await app.guesses.check('code', keys)
  const payeeId = newPayeeId(call.nowMs)
  const token = await app.tokens.issue({ kind: 'payee', payeeId, contextId: context.id })
  return keepAnswer(app, call.idempotency, { authorization: { token } })
}

/**
 * 64 hex characters: the time, so that the rows of payees who come together lie together, and 208 random bits.
 */
function newPayeeId(nowMs: number): string {
  return nowMs.toString(16).padStart(12, '0') + randomBytes(26).toString('hex')
}

async function signInByPassword(
  app: App,
  call: Call,
  kind: CredentialKind,
  identifier: string,
  password: string,
): Promise<AuthorizationView> {
  const known = knownAddressKey(call, kind, identifier)
  const isKnown = (await app.store.claimOwners([known])).size > 0
  const keys = [...guessKeys(call), ...accountGuessKeys(kind, identifier, isKnown)]
  await app.guesses.check('password', keys)
  const credential = await app.store.credential(kind, identifier)
  const matches = await app.passwords.verify(credential?.passwordHash ?? null, password)
  if (credential === null || !matches) {
    await app.guesses.miss('password', keys)
    throw new Refusal('invalid_credentials', 'There is no account with these credentials.')
  }
  await app.guesses.check('password', keys)
  const { accountId } = credential
  const answer = { authorization: { token: await app.tokens.issue({ kind: 'user', accountId }) } }
  if (isKnown) return keepAnswer(app, call.idempotency, answer)
  const claim = { key: known, ownerId: accountId, forgetAtMs: call.nowMs + KNOWN_ADDRESS_TTL_MS }
  return decideAndCommit(app, call.idempotency, async () => ({ change: { claims: [claim] }, answer }))
}

/**
 * Wrong passwords count for where they come from. Those of all the world at one account count together as well, so that
 * many addresses do not make many guesses, but not against an address where its owner has signed in: a stranger must not
 * lock the owner out. The secret of a device is too long to be guessed.
 */
function accountGuessKeys(kind: CredentialKind, identifier: string, isKnown: boolean): string[] {
  return kind === 'email-password' && !isKnown ? [`account:${kind}:${identifier}`] : []
}

/** How long an address is remembered from which somebody has signed in with a password. */
const KNOWN_ADDRESS_TTL_MS = 90 * 24 * 60 * 60_000

function knownAddressKey({ addressKey }: Call, kind: CredentialKind, identifier: string): string {
  return `signed-in:${createHash('sha256')
    .update(JSON.stringify([kind, identifier, addressKey]))
    .digest('hex')}`
}

/**
 * The signature over a fresh challenge is the proof; the first sign-in of a wallet makes its account. A contract is asked on
 * the chain that its message names, as EIP-4361 has it, and on no other.
 */
async function signInByWallet(
  app: App,
  call: Call,
  { message, signature }: { message: string; signature: string },
): Promise<AuthorizationView> {
  const read = readWalletMessage({
    message,
    expectedDomains: app.publicHosts,
    chainIds: [...app.networks.values()].flatMap(({ chainId }) => chainId ?? []),
  })
  if ('refusal' in read) throw messageRefused(read.refusal)
  const challenge = checkChallenge(read.nonce, { key: app.secrets.challengeKey, nowMs: call.nowMs })
  if (challenge === null) throw staleChallenge()
  const wrongTime = refusalOfTime(read.times, call.nowMs)
  if (wrongTime !== null) throw messageRefused(wrongTime)
  const { address, chainId } = read
  const chain = [...app.chains.values()].find((candidate) => candidate.chainId === chainId)
  const identifier = await findSigner({ address, message, signature: signature as Hex, chain })
  if (identifier === null) throw notSigned(address, chainId)
  const made = newAccount(call.nowMs)
  const countOnce = newAccountCount(app, call)
  return decideAndCommit(app, call.idempotency, async () => {
    const known = await app.store.credential('wallet', identifier)
    if ((await app.store.claimOwners([challenge.claimKey])).size > 0) throw staleChallenge()
    if (known === null) await countOnce()
    const accountId = known?.accountId ?? made.id
    const credential = {
      kind: 'wallet' as const,
      identifier,
      accountId,
      passwordHash: null,
      createdAtMs: call.nowMs,
    }
    return {
      change: {
        claims: [{ key: challenge.claimKey, ownerId: made.id, forgetAtMs: challenge.expiresAtMs }],
        ...(known === null && { accounts: [made], credentials: [credential] }),
      },
      answer: { authorization: { token: await app.tokens.issue({ kind: 'user', accountId }) } },
    }
  })
}

function messageRefused(why: string): Refusal {
  return new Refusal('invalid_credentials', `The message ${why}.`)
}

function staleChallenge(): Refusal {
  return new Refusal(
    'invalid_credentials',
    'The nonce must be a challenge from get-challenge that is unused and not older than 5 minutes.',
  )
}

function notSigned(address: Hex, chainId: number): Refusal {
  return new Refusal(
    'invalid_credentials',
    `The signature is not one of this message by the key of ${address}, nor by a contract there on chain ${chainId}.`,
  )
}
