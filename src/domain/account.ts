/** Whoever has an account: a payer, or the owner of API keys. */
export type Account = {
  id: string
  version: number
  role: 'USER'
  createdAtMs: number
  updatedAtMs: number
}

export type CredentialKind = 'email-password' | 'mobile-device' | 'wallet'

/** One way into an account. `kind` and `identifier` together are unique. */
export type Credential = {
  kind: CredentialKind
  /** Folded email address, installation id, or `WalletId`. */
  identifier: string
  accountId: string
  /** An argon2id hash in PHC form; null for a wallet, whose signature is the proof. */
  passwordHash: string | null
  createdAtMs: number
}

/** A payee's long-lived key, kept as a hash: the key itself is shown once. */
export type ApiKey = {
  id: string
  version: number
  /** The account that the key acts for. */
  ownerId: string
  name: string
  /** The first characters of the key, to tell keys apart. */
  prefix: string
  /** SHA-256 of the key, hex. The key has 256 random bits, so a slow hash would add nothing. */
  hash: string
  createdAtMs: number
  revokedAtMs: number | null
}
