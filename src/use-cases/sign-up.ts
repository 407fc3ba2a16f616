import type { Static } from 'typebox'
import { checkChallenge } from '../auth/challenges.ts'
import type { Account, Credential } from '../domain/account.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { newId } from '../protocol/ids.ts'
import { type AccountView, DeviceSignUpData, EmailPasswordData, type TypedDataBody } from '../protocol/schemas.ts'
import type { Change } from '../store/store.ts'
import type { App } from './app.ts'
import type { Call } from './call.ts'
import { decideAndCommit } from './commit.ts'
import { readData } from './read-data.ts'
import { accountView } from './views.ts'

/**
 * Makes an account for a payer, by device or by email and password.
 * @throws Refusal `invalid_type`, `validation_failed`, `already_exists`
 */
export async function signUp(app: App, call: Call, body: TypedDataBody): Promise<AccountView> {
  switch (body.type) {
    case 'email-password':
      return signUpByEmail(app, call, readData(EmailPasswordData, body.data))
    case 'mobile-device':
      return signUpByDevice(app, call, readData(DeviceSignUpData, body.data))
    default:
      throw new Refusal('invalid_type', 'type must be "mobile-device" or "email-password".')
  }
}

async function signUpByEmail(app: App, call: Call, data: Static<typeof EmailPasswordData>): Promise<AccountView> {
  const passwordHash = await app.passwords.hash(data.password)
  return makeAccount(app, call, { kind: 'email-password', identifier: foldEmail(data.email), passwordHash }, {})
}

/** Addresses that differ in case alone reach the same mailbox. */
export function foldEmail(email: string): string {
  return email.normalize('NFKC').toLowerCase()
}

async function signUpByDevice(app: App, call: Call, data: Static<typeof DeviceSignUpData>): Promise<AccountView> {
  const challenge = checkChallenge(data.challenge, { key: app.secrets.challengeKey, nowMs: call.nowMs })
  if (challenge === null) throw spentChallenge()
  const { assertionToken, assertionKeyId = null } = data
  const verdict = await app.attestation.verify({ challenge: data.challenge, assertionToken, assertionKeyId })
  if (!verdict.ok) throw invalidField('/data/assertionToken', verdict.reason)
  const passwordHash = await app.passwords.hash(data.password)
  const claim = { key: challenge.claimKey, ownerId: newId('usr', call.nowMs), forgetAtMs: challenge.expiresAtMs }
  return makeAccount(
    app,
    call,
    { kind: 'mobile-device', identifier: data.installationId, passwordHash },
    { claims: [claim] },
  )
}

function spentChallenge(): Refusal {
  return invalidField('/data/challenge', 'was used already, has expired, or is not from this server; get a new one')
}

async function makeAccount(
  app: App,
  call: Call,
  credential: Pick<Credential, 'kind' | 'identifier' | 'passwordHash'>,
  extra: Change,
): Promise<AccountView> {
  const account = newAccount(call.nowMs)
  const row: Credential = { ...credential, accountId: account.id, createdAtMs: call.nowMs }
  const countOnce = newAccountCount(app, call)
  return decideAndCommit(app, call.idempotency, async () => {
    if (await app.store.credential(row.kind, row.identifier)) {
      throw new Refusal('already_exists', 'There is an account for this already. Sign in instead.')
    }
    await assertUnclaimed(app, extra)
    await countOnce()
    return { change: { ...extra, accounts: [account], credentials: [row] }, answer: accountView(account) }
  })
}

async function assertUnclaimed(app: App, { claims = [] }: Change): Promise<void> {
  const owners = await app.store.claimOwners(claims.map(({ key }) => key))
  if (owners.size > 0) throw spentChallenge()
}

/** What counts the account that a call makes, for the address that it comes from, however often the call decides anew. */
export function newAccountCount(app: App, { origin }: Call): () => Promise<void> {
  let isCounted = false
  return async () => {
    if (!isCounted) await app.limits.consumeNewAccount(origin)
    isCounted = true
  }
}

export function newAccount(nowMs: number): Account {
  return { id: newId('usr', nowMs), version: 1, role: 'USER', createdAtMs: nowMs, updatedAtMs: nowMs }
}
