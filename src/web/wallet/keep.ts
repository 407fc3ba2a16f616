import type { SentCalls, SentPayment } from '../../client/index.ts'
import type { SealedKey } from './vault.ts'

/** Which wallet this browser pays with. An extension is found again by the name that it goes by (EIP-6963 `rdns`). */
export type Account = ({ kind: 'key' } & SealedKey) | { kind: 'extension'; address: string; rdns: string }

/** What the wallet has sent and the server may not have heard of. */
export type Sent = ({ voucherId: string } & SentPayment) | ({ sessionId: string } & SentCalls)

/** Everything that the page keeps in the browser. No private key is ever there but sealed. */
type Kept = {
  account: Account
  /** The server's word for who this is, for a day; it cannot pay. */
  token: string
  /** The last event that was seen, from which the stream goes on. */
  position: string
  sent: Sent[]
}

const PREFIX = 'sixpence.wallet.'

export function kept<Name extends keyof Kept>(name: Name): Kept[Name] | null {
  return JSON.parse(localStorage.getItem(PREFIX + name) ?? 'null')
}

export function keep<Name extends keyof Kept>(name: Name, value: Kept[Name] | null): void {
  if (value === null) localStorage.removeItem(PREFIX + name)
  else localStorage.setItem(PREFIX + name, JSON.stringify(value))
}

/** Other tabs write there too, so it is read each time. */
export function keptSent(): Sent[] {
  return kept('sent') ?? []
}

export function keepSent(sent: Sent): void {
  keep('sent', [...keptSent(), sent])
}

export function dropSent(isOver: (sent: Sent) => boolean): void {
  const left = keptSent().filter((sent) => !isOver(sent))
  keep('sent', left.length === 0 ? null : left)
}
