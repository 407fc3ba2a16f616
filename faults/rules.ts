import { isDeepStrictEqual } from 'node:util'
import type { Event } from '../src/domain/event.ts'
import { hasTerms, type Voucher } from '../src/domain/voucher.ts'
import type { VoucherView } from '../src/protocol/schemas.ts'
import type { Store } from '../src/store/store.ts'
import type { FailoverClient } from './client.ts'
import type { Story } from './load.ts'
import type { Market } from './market.ts'
import type { Subscriber } from './subscriber.ts'

/** What must be true whatever went wrong. Each rule gives a sentence for everything that breaks it. */

const LIVE = ['RESERVED', 'REDEEMED']
const ENDS = { 'voucher.resolved': 'RESOLVED', 'voucher.discarded': 'DISCARDED', 'voucher.expired': 'EXPIRED' } as const

/** How many sentences of a rule are worth reading. */
const SHOWN = 5

/** Every acknowledged write is there: the voucher, what was asked for, and a state that is as far as was acknowledged. */
export async function acknowledgedWritesAreThere(store: Store, stories: readonly Story[]): Promise<string[]> {
  const broken: string[] = []
  for (const { voucherId, writes } of stories) {
    const last = writes.at(-1)?.answer
    if (voucherId === null || last === undefined) continue
    const voucher = await store.voucher(voucherId)
    if (voucher === null) broken.push(`${voucherId} was acknowledged as ${last.status} and is gone`)
    else broken.push(...losses(voucher, last, writes[1]?.answer))
  }
  return broken
}

function losses(voucher: Voucher, last: { status: string }, redeemed: object | undefined): string[] {
  const { id, status } = voucher
  const broken = isAsFarAs(status, last.status) ? [] : [`${id} was acknowledged as ${last.status} and is ${status}`]
  if (redeemed === undefined) return broken
  const { payments } = redeemed as VoucherView
  const stored = hasTerms(voucher) ? voucher.redemption.payments : []
  if (
    !isDeepStrictEqual(
      stored.map(({ id }) => id),
      payments?.map(({ id }) => id),
    )
  ) {
    broken.push(`${id} asks for other payments than was acknowledged`)
  }
  return broken
}

function isAsFarAs(status: string, acknowledged: string): boolean {
  if (!LIVE.includes(acknowledged)) return status === acknowledged
  return !LIVE.includes(status) || LIVE.indexOf(status) >= LIVE.indexOf(acknowledged)
}

/**
 * A key has one effect: no voucher came to be but the ones that were asked for, and a repeated write gets its answer.
 * @param client repeats; null where nothing is served any more
 */
export async function keysHadOneEffect(
  log: readonly Event[],
  stories: readonly Story[],
  client: FailoverClient | null,
): Promise<string[]> {
  const known = new Set(stories.map(({ voucherId }) => voucherId))
  const strays = reservations(log).filter((id) => !known.has(id))
  const broken = strays.map((id) => `${id} was reserved by a repeated write`)
  if (client === null) return broken
  for (const { write, answer } of repeatable(stories)) {
    const again = await client.write(write, 0)
    if (!isDeepStrictEqual(again.body, answer)) broken.push(`${write.path} was repeated and got another answer`)
  }
  return broken
}

/** Enough to tell, and spread over the whole run. */
const REPEATED = 200

function repeatable(stories: readonly Story[]): Story['writes'] {
  const writes = stories.flatMap((story) => story.writes)
  const every = Math.ceil(writes.length / REPEATED)
  return writes.filter((_, index) => index % every === 0)
}

function reservations(log: readonly Event[]): string[] {
  return log.filter(({ type }) => type === 'voucher.reserved').map(({ subjectId }) => subjectId)
}

/** Every voucher has one end at most, each kind of event once, and events whose versions are 1..n. */
export async function vouchersHaveOneEnd(store: Store, log: readonly Event[]): Promise<string[]> {
  const broken: string[] = []
  for (const [id, events] of Map.groupBy(log, ({ subjectId }) => subjectId)) {
    if (!id.startsWith('vch_')) continue
    const voucher = await store.voucher(id)
    if (voucher === null) broken.push(`${id} has events and does not exist`)
    else broken.push(...misfits(voucher, events))
  }
  return broken
}

function misfits(voucher: Voucher, events: readonly Event[]): string[] {
  const { id, status } = voucher
  const types = events.map(({ type }) => type)
  const versions = events.map(({ version }) => version)
  const broken: string[] = []
  if (!hasRightVersions(voucher, versions)) broken.push(`${id} has events of versions ${versions}: ${types}`)
  if (new Set(types).size < types.length && !types.includes('voucher.settlement_failed')) {
    broken.push(`${id} was told of twice: ${types}`)
  }
  const ends = types.flatMap((type) => (type in ENDS ? [ENDS[type as keyof typeof ENDS]] : []))
  const isEnd = LIVE.includes(status) ? ends.length === 0 : ends.length === 1 && ends[0] === status
  if (!isEnd) broken.push(`${id} is ${status} and was told to be ${ends.join(' and ') || 'live'}`)
  return broken
}

/** Looks at the chain have versions, too, and tell nobody: with a settlement that a node followed there are gaps. */
function hasRightVersions(voucher: Voucher, versions: readonly number[]): boolean {
  const isFollowed = hasTerms(voucher) && voucher.redemption.headNumber !== null && voucher.settlement !== null
  if (isFollowed) return versions.every((version, index) => version > (versions[index - 1] ?? 0))
  return versions.length === voucher.version && versions.every((version, index) => version === index + 1)
}

/**
 * Each payment on the chain counts once: a recipient's CONFIRMED vouchers ask for just what the recipient was paid.
 * By then no payment is on its way any more.
 */
export async function paymentsCountOnce(store: Store, market: Market): Promise<string[]> {
  const broken: string[] = []
  for (const [recipient, purchases] of Map.groupBy(market.purchases, (purchase) => purchase.recipient)) {
    let confirmed = 0n
    for (const { voucher, units } of purchases) {
      const stored = await store.voucher(voucher.id)
      const settlement = stored !== null && hasTerms(stored) ? stored.settlement : null
      if (settlement?.status === 'PENDING') broken.push(`${voucher.id} is still PENDING`)
      if (settlement?.status === 'CONFIRMED') confirmed += units
    }
    const paid = await market.paid(recipient)
    if (paid !== confirmed) broken.push(`${recipient} was paid ${paid} and ${confirmed} was confirmed`)
  }
  return broken
}

/** No voucher code had two live vouchers at a time. */
export function codesHadOneHolder(log: readonly Event[]): string[] {
  const holders = new Map<unknown, string>()
  const broken: string[] = []
  for (const { type, subjectId, data } of log) {
    const holder = holders.get(data.code)
    if (type in ENDS && holder === subjectId) holders.delete(data.code)
    if (type !== 'voucher.reserved') continue
    if (holder !== undefined) broken.push(`${subjectId} was dealt the code of ${holder}, which was live`)
    holders.set(data.code, subjectId)
  }
  return broken
}

/** Each subscriber got each event of its context's vouchers once, in the order of the log. */
export function eventsWereDelivered(
  log: readonly Event[],
  subscribers: readonly Pick<Subscriber, 'contextId' | 'events'>[],
): string[] {
  return subscribers.flatMap((subscriber) => {
    const told = log.filter(({ data }) => data.contextId === subscriber.contextId && isVoucherEvent(data))
    const wanted = told.map(({ id }) => id)
    const got = subscriber.events.filter(({ data }) => isVoucherEvent(data.data)).map(({ data }) => data.id)
    if (isDeepStrictEqual(got, wanted)) return []
    const missing = wanted.filter((id) => !got.includes(id)).length
    const repeated = got.length - new Set(got).size
    return [`a stream of ${wanted.length} events left out ${missing}, repeated ${repeated}, or mixed up their order`]
  })
}

function isVoucherEvent({ id }: Record<string, unknown>): boolean {
  return String(id).startsWith('vch_')
}

/** Enough of the sentences to know what is wrong. */
export function briefly(broken: readonly string[]): string[] {
  if (broken.length <= SHOWN) return [...broken]
  return [...broken.slice(0, SHOWN), `and ${broken.length - SHOWN} more`]
}
