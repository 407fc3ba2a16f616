import { lookup as askSystem, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type AllowList, createAllowList, hostOf, isPublicAddress } from './addresses.ts'

/** Whom webhooks may reach. */
export type ReachPolicy = {
  /** Host names, addresses, either with a port, and networks that may be reached although they are private, and by http. */
  allow: readonly string[]
  /** What a name resolves to; otherwise DNS says it. */
  lookup?: (name: string) => Promise<string[]>
}

/** Where a request goes: to one of these addresses, all of which were judged, and nowhere else. */
export type Target = { url: URL; host: string; port: number; isSecure: boolean; addresses: string[] }

/** A delivery failed; the message is one plain sentence for the endpoint's owner. */
export class Undelivered extends Error {
  override readonly name = 'Undelivered'
}

type Place = Omit<Target, 'addresses'>

const DNS = { timeout: 2_000, tries: 2 }
const LOOPBACK = ['127.0.0.1', '::1']
/** More addresses than these are judged, but not tried. */
const MOST_TRIED = 8

const NOT_PUBLIC = 'The host is not, or does not resolve to, a public address.'
const NOT_SECURE = 'The URL must begin with https://.'

/**
 * What can be said against a URL before any name is looked up.
 * @returns one plain sentence; null where only a delivery can tell
 */
export function urlFault(url: string, policy: ReachPolicy): string | null {
  try {
    const allowed = createAllowList(policy.allow)
    const place = readPlace(url)
    if (allowed.hasHost(place.host, place.port)) return null
    if (!place.isSecure && (allowed.isEmpty || isIP(place.host) !== 0)) return NOT_SECURE
    return isIP(place.host) === 0 || mayReach(place, place.host, allowed) ? null : NOT_PUBLIC
  } catch (error) {
    if (error instanceof Undelivered) return error.message
    throw error
  }
}

/**
 * Looks up where a URL leads. One address that may not be reached forbids them all: who answers so is up to no good.
 * @throws Undelivered
 */
export async function findTarget(url: string, policy: ReachPolicy, signal: AbortSignal): Promise<Target> {
  const place = readPlace(url)
  const allowed = createAllowList(policy.allow)
  const addresses = await unlessAborted(signal, addressesOf(place, policy, allowed, signal))
  if (!addresses.every((address) => mayReach(place, address, allowed))) {
    throw new Undelivered(!place.isSecure && addresses.every(isPublicAddress) ? NOT_SECURE : NOT_PUBLIC)
  }
  // No address and a private one look the same from outside: nobody is to learn names of the inside.
  if (addresses.length === 0) throw new Undelivered(NOT_PUBLIC)
  return { ...place, addresses: addresses.slice(0, MOST_TRIED) }
}

function readPlace(text: string): Place {
  const url = URL.parse(text)
  const host = hostOf(url)
  if (url === null || host === null) throw new Undelivered('The URL is not valid.')
  const isSecure = url.protocol === 'https:'
  if (!isSecure && url.protocol !== 'http:') throw new Undelivered(NOT_SECURE)
  if (url.username !== '' || url.password !== '') {
    throw new Undelivered('The URL must not hold a user name or a password.')
  }
  return { url, host, isSecure, port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port) }
}

function mayReach(place: Place, address: string, allowed: AllowList): boolean {
  if (allowed.hasHost(place.host, place.port) || allowed.hasAddress(address, place.port)) return true
  return place.isSecure && isPublicAddress(address)
}

/**
 * Names that the operator lists are asked of the system, which knows its hosts file; all others of DNS itself, whose
 * queries, unlike the system's, hold no thread while a hostile server lets them wait.
 */
async function addressesOf(
  { host, port }: Place,
  { lookup }: ReachPolicy,
  allowed: AllowList,
  signal: AbortSignal,
): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  if (lookup !== undefined) return lookup(host)
  if (allowed.hasHost(host, port)) return (await askSystem(host, { all: true })).map(({ address }) => address)
  if (host === 'localhost' || host.endsWith('.localhost')) return LOOPBACK
  return askDns(host, signal)
}

/** @returns an empty list where the name has no address or DNS does not answer */
async function askDns(name: string, signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver(DNS)
  signal.addEventListener('abort', () => resolver.cancel(), { once: true })
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
}

function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}
