import { decodeSecrets, newSecrets, parseSecrets, rotated, type Secrets, SecretsUnusable } from './secrets.ts'

/** Where several servers keep their secrets, as one text. */
export interface SecretKeeper {
  /** @returns null where there is none yet */
  secretText(): Promise<string | null>
  /** @returns false where the text is not `previous` any more; then it stays as it is */
  putSecretText(previous: string | null, next: string): Promise<boolean>
}

/** Secrets that other servers share, and whose token keys change while this one runs. */
export type SharedSecrets = Secrets & {
  /**
   * Takes over what other servers have changed, and rotates token keys when it is time. To be called every `RENEWAL_MS`.
   * @throws SecretsUnusable, and whatever the keeper throws
   */
  renew(): Promise<void>
}

/** How often a server renews its secrets. */
export const RENEWAL_MS = 30_000

/** A new token key is known for so long before it signs: every server has renewed its secrets by then. */
const LEAD_MS = 4 * RENEWAL_MS

/** Tokens with unknown keys are worth one look in this time, however many come. */
const LOOK_PAUSE_MS = 2_000

/**
 * Reads the secrets that several servers share; the first of them makes them.
 * @param input.clock Unix milliseconds
 * @throws SecretsUnusable when the text is malformed, which is then left as it is; whatever the keeper throws
 */
export async function openSharedSecrets(input: { keeper: SecretKeeper; clock: () => number }): Promise<SharedSecrets> {
  const { keeper, clock } = input
  let text = await renewedText(keeper, clock())
  const secrets = decoded(text)
  let { tokenKeys } = secrets
  const take = (newer: string | null): void => {
    if (newer === null || newer === text) return
    tokenKeys = decoded(newer).tokenKeys
    text = newer
  }

  let lookedAtMs = Number.NEGATIVE_INFINITY
  let looking = Promise.resolve()

  return {
    ...secrets,
    get tokenKeys() {
      return tokenKeys
    },
    renew: async () => take(await renewedText(keeper, clock())),
    lookForTokenKeys: () => {
      // The distance counts either way, so that a clock that was put back stops nothing.
      if (Math.abs(clock() - lookedAtMs) >= LOOK_PAUSE_MS) {
        lookedAtMs = clock()
        looking = keeper.secretText().then(take)
      }
      return looking
    },
  }
}

/** The text as it is after what is due was done, whichever server did it. */
async function renewedText(keeper: SecretKeeper, nowMs: number): Promise<string> {
  for (;;) {
    const text = await keeper.secretText()
    const stored = text === null ? null : parsed(text)
    const current = stored === null ? newSecrets(nowMs) : rotated(stored, nowMs, LEAD_MS)
    if (text !== null && current === stored) return text
    const next = JSON.stringify(current)
    if (await keeper.putSecretText(text, next)) return next
  }
}

function decoded(text: string): Secrets {
  return decodeSecrets(parsed(text))
}

function parsed(text: string) {
  const stored = parseSecrets(text)
  if (stored !== null) return stored
  throw new SecretsUnusable(
    'What the database holds as secrets are none that this Sixpence knows. Restore them from a backup; or delete them to begin anew, which ends all tokens.',
  )
}
