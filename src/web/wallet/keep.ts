import { signal } from '@preact/signals'
import type { SentCalls, SentPayment } from '../../client/index.ts'
import { namesAt, parse, textAt } from '../design/memory.ts'
import { isSealedKey, type SealedKey } from './vault.ts'

/** Which wallet this browser pays with. An extension is found again by the name that it goes by (EIP-6963 `rdns`). */
export type Account = ({ kind: 'key' } & SealedKey) | { kind: 'extension'; address: string; rdns: string }

/** What the wallet has sent, or is about to send, and the server may not have heard of. */
export type Sent = ({ voucherId: string } & SentPayment) | ({ sessionId: string } & SentCalls)

/** What a wallet of the browser is being asked to pay, by the id of the voucher or the session that it is for. */
export type Asking = { id: string; paymentIds: readonly string[] }

/** Everything that the page keeps in the browser. No private key is ever there but sealed. */
type Kept = {
  account: Account
  /** The server's word for who this is, for a day; it cannot pay. */
  token: string
  /** The last event that was seen, from which the stream goes on. */
  position: string
  sent: Sent[]
  asking: Asking[]
}

/** What of a value can be used: null where nothing can. */
const READERS: { [Name in keyof Kept]: (value: unknown) => Kept[Name] | null } = {
  account: (value) => (isAccount(value) ? value : null),
  token: (value) => (typeof value === 'string' ? value : null),
  position: (value) => (typeof value === 'string' ? value : null),
  sent: (value) => (Array.isArray(value) ? value.filter(isSent) : null),
  asking: (value) => (Array.isArray(value) ? value.filter(isAsking) : null),
}

/** What can be had again, and is not missed. */
const PASSING = new Set<keyof Kept>(['token', 'position'])

const PREFIX = 'sixpence.wallet.'
const ASIDE = `${PREFIX}aside.`

/** What was kept and cannot be read: the name of what it was, and the text that stands there. */
export type Unreadable = { key: string; name: string; text: string }

export const unreadable = signal<readonly Unreadable[]>(findUnreadable())

/** @returns null where there is nothing, or nothing that can be read; that is put aside */
export function kept<Name extends keyof Kept>(name: Name): Kept[Name] | null {
  const text = textAt(PREFIX + name)
  if (text === null) return null
  const value = parse(text)
  const readable = READERS[name](value)
  if (JSON.stringify(readable) === JSON.stringify(value)) return readable
  if (PASSING.has(name) || putAside(name, text)) keep(name, readable)
  return readable
}

/** @throws Error where the browser keeps nothing, and it cannot be done without */
export function keep<Name extends keyof Kept>(name: Name, value: Kept[Name] | null): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name)
    else localStorage.setItem(PREFIX + name, JSON.stringify(value))
  } catch (cause) {
    if (PASSING.has(name) || value === null) return
    throw new Error(
      'This browser has no room for what the wallet must remember, or does not let it. Nothing was signed.',
      {
        cause,
      },
    )
  }
}

/** Goes up when what was sent is kept or dropped, here or in another tab. */
const changes = signal(0)

addEventListener('storage', ({ key }) => {
  if (key === `${PREFIX}sent`) changes.value += 1
})

/** Other tabs write there too, so it is read each time; what shows it is drawn again when it changes. */
export function keptSent(): Sent[] {
  void changes.value
  return kept('sent') ?? []
}

/** In the place of what was kept for the same payments. */
export function keepSent(sent: Sent): void {
  keep('sent', [...keptSent().filter((one) => paidBy(one) !== paidBy(sent)), sent])
  changes.value += 1
}

export function dropSent(isOver: (sent: Sent) => boolean): void {
  const all = keptSent()
  const left = all.filter((sent) => !isOver(sent))
  if (left.length === all.length) return
  keep('sent', left.length === 0 ? null : left)
  changes.value += 1
}

function paidBy(sent: Sent): string {
  return 'voucherId' in sent ? sent.paymentId : sent.paymentIds.join()
}

export function keepAsking(asking: Asking): void {
  keep('asking', [...(kept('asking') ?? []), asking])
}

export function dropAsking(isOver: (asking: Asking) => boolean): void {
  const left = (kept('asking') ?? []).filter((asking) => !isOver(asking))
  keep('asking', left.length === 0 ? null : left)
}

/** Its owner wants it gone. */
export function deleteUnreadable(key: string): void {
  localStorage.removeItem(key)
  unreadable.value = findUnreadable()
}

/** @returns false where there is no room: then it stays where it is, and nothing is written over it */
function putAside(name: string, text: string): boolean {
  try {
    localStorage.setItem(`${ASIDE}${name}.${Date.now()}`, text)
  } catch {
    const stays = { key: PREFIX + name, name, text }
    if (!unreadable.value.some(({ key }) => key === stays.key)) unreadable.value = [...unreadable.value, stays]
    return false
  }
  unreadable.value = findUnreadable()
  return true
}

function findUnreadable(): Unreadable[] {
  return namesAt(ASIDE).map((key) => ({
    key,
    name: key.slice(ASIDE.length).replace(/\.\d+$/, ''),
    text: textAt(key) ?? '',
  }))
}

function isAccount(value: unknown): value is Account {
  if (!hasTexts(value, 'address')) return false
  return isSealedKey(value) ? hasKind(value, 'key') : hasKind(value, 'extension') && hasTexts(value, 'rdns')
}

function isSent(value: unknown): value is Sent {
  const isOne = hasTexts(value, 'voucherId', 'paymentId', 'transactionHash')
  return isOne || (hasTexts(value, 'sessionId', 'callsId') && hasPaymentIds(value))
}

function isAsking(value: unknown): value is Asking {
  return hasTexts(value, 'id') && hasPaymentIds(value)
}

function hasKind(value: object, kind: Account['kind']): boolean {
  return 'kind' in value && value.kind === kind
}

function hasPaymentIds(value: object): boolean {
  return (
    'paymentIds' in value && Array.isArray(value.paymentIds) && value.paymentIds.every((id) => typeof id === 'string')
  )
}

function hasTexts(value: unknown, ...names: string[]): value is object {
  if (typeof value !== 'object' || value === null) return false
  const texts = new Map(Object.entries(value).filter(([, one]) => typeof one === 'string'))
  return names.every((name) => texts.has(name))
}
