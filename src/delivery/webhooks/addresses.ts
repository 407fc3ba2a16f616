import { BlockList, isIP } from 'node:net'

/**
 * What nobody outside may make this server talk to: every IPv4 range that is not global unicast (RFC 6890 and its
 * registry), and the host of one large cloud that answers its guests from a public address.
 */
const RESERVED_IPV4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/** The same within 2000::/3: protocol assignments with Teredo and benchmarking, documentation, 6to4. */
const RESERVED_IPV6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

/** Networks whose hosts reach an IPv4 address through its last 32 bits. */
const MAPPED_IPV4 = { network: '::ffff:0:0', prefix: 96 }
const NAT64 = { network: '64:ff9b::', prefix: 96 }

const unicast = new BlockList()
unicast.addSubnet('2000::', 3, 'ipv6')
unicast.addSubnet(NAT64.network, NAT64.prefix, 'ipv6')
// A block list takes an IPv4 address and the same address mapped into IPv6 for one.
unicast.addSubnet(MAPPED_IPV4.network, MAPPED_IPV4.prefix, 'ipv6')

const reserved = new BlockList()
for (const [network, prefix] of RESERVED_IPV6) reserved.addSubnet(network, prefix, 'ipv6')
for (const [network, prefix] of RESERVED_IPV4) {
  reserved.addSubnet(network, prefix, 'ipv4')
  reserved.addSubnet(`${NAT64.network}${network}`, NAT64.prefix + prefix, 'ipv6')
}

/**
 * Whether an address is global unicast. IPv4 within IPv6 is judged by the IPv4 address where it is in use (mapped,
 * NAT64), and is never public where it belongs to a past transition (6to4, Teredo, compatible).
 * @param address IPv4 or IPv6 as text; anything else is not public, nor is an address with a zone
 */
export function isPublicAddress(address: string): boolean {
  return isIn(unicast, address) && !isIn(reserved, address)
}

function isIn(list: BlockList, address: string): boolean {
  if (address.includes('%')) return false
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** What the operator lets webhooks reach although it is not public, and without TLS. */
export type AllowList = {
  isEmpty: boolean
  /** @param host as `hostOf` gives it: a name or an address */
  hasHost: (host: string, port: number) => boolean
  hasAddress: (address: string, port: number) => boolean
}

type Entry = { name: string | null; addresses: BlockList; port: number | null }

/**
 * @param entries host names, addresses, either with `:port` (IPv6 in brackets then), or networks such as `10.0.0.0/8`.
 * What is none of these allows nothing.
 */
export function createAllowList(entries: readonly string[]): AllowList {
  const read = entries.map(readEntry).filter((entry) => entry !== null)
  const some = (port: number, fits: (entry: Entry) => boolean) =>
    read.some((entry) => (entry.port === null || entry.port === port) && fits(entry))
  return {
    isEmpty: read.length === 0,
    hasHost: (host, port) => some(port, ({ name, addresses }) => name === host || isIn(addresses, host)),
    hasAddress: (address, port) => some(port, ({ addresses }) => isIn(addresses, address)),
  }
}

function readEntry(text: string): Entry | null {
  const [address = '', prefix] = text.split('/')
  if (prefix !== undefined) return readNetwork(address, prefix)
  const [, bare = text, port] = /^(\[[^\]]+\]|[^:]+):([0-9]{1,5})$/.exec(text) ?? []
  const host = hostOf(URL.parse(`http://${isIP(bare) === 6 ? `[${bare}]` : bare}`))
  if (host === null) return null
  const addresses = new BlockList()
  const family = isIP(host)
  if (family !== 0) addresses.addAddress(host, family === 4 ? 'ipv4' : 'ipv6')
  return { name: family === 0 ? host : null, addresses, port: port === undefined ? null : Number(port) }
}

function readNetwork(address: string, prefix: string): Entry | null {
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  if (bits === 0 || address.includes('%') || !/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > bits) return null
  const addresses = new BlockList()
  addresses.addSubnet(address, Number(prefix), bits === 32 ? 'ipv4' : 'ipv6')
  return { name: null, addresses, port: null }
}

/**
 * The host of a URL, one spelling for all that mean the same: the URL parser folds case and every form of an IPv4
 * address; here go the brackets of IPv6 and the dot that ends a full name.
 * @returns null where there is none
 */
export function hostOf(url: URL | null): string | null {
  const host = url?.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  return host ? host : null
}
