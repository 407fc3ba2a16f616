import { signal } from '@preact/signals'
import { createPayee, createPayer, ProblemError, SixpenceError, signIn, signUp } from '../../client/index.ts'
import { forgetElsewhere } from './sales.ts'
import { settings } from './settings.ts'

const url = location.origin

/**
 * Signs this register in. What is kept is an API key of its own, which its owner can revoke; the password and the
 * token, which could do more, are not.
 * @throws SixpenceError
 */
export async function signInRegister(
  who: { email: string; password: string },
  { isNew }: { isNew: boolean },
): Promise<void> {
  if (isNew) await signUp({ url, ...who })
  const owner = createPayer({ url, token: await signIn({ url, ...who }) })
  const { shopName } = settings.value
  const { key, id, name } = await owner.createApiKey({ name: shopName === '' ? 'Register' : `Register at ${shopName}` })
  settings.value = { ...settings.value, apiKey: key, ownKey: { id, name } }
}

export const isSigningOut = signal(false)

/**
 * Forgets the key of this register and revokes it. Where the server cannot be reached it is forgotten all the same, and
 * `settings.leftKeyId` goes on naming it, for its owner to revoke.
 */
export async function signOut(): Promise<void> {
  const { apiKey, ownKey } = settings.value
  forgetKey()
  if (ownKey === null) return
  settings.value = { ...settings.value, leftKeyId: ownKey.id }
  isSigningOut.value = true
  try {
    await createPayee({ url, apiKey, ...BRIEFLY })
      .revokeApiKey(ownKey.id)
      .catch(unlessItIsRevoked)
    settings.value = { ...settings.value, leftKeyId: '' }
  } catch (error) {
    if (!(error instanceof SixpenceError)) throw error
  } finally {
    isSigningOut.value = false
  }
}

function unlessItIsRevoked(error: unknown): void {
  if (!(error instanceof ProblemError && error.code === 'unauthorized')) throw error
}

/** Whoever signs out waits for it. */
const BRIEFLY = { retries: 1, timeoutMs: 10_000 }

/** Forgets the API key, and what was seen with it. */
export function forgetKey(): void {
  settings.value = { ...settings.value, apiKey: '', ownKey: null }
  forgetElsewhere()
}
