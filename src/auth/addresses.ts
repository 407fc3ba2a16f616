import { BlockList, isIP, isIPv6 } from 'node:net'

/**
 * Who an address counts as: an IPv4 address by itself, also where it comes mapped into IPv6; an IPv6 address by its /64,
 * the smallest network that one customer gets, within which addresses are free to change.
 * @param ip as the socket or a trusted proxy gives it; what is no IP address counts as it stands
 */
export function addressKey(ip: string): string {
  const address = bareAddress(ip)
  if (!isIPv6(address)) return address
  const groups = ipv6Groups(address)
  return mappedIpv4(groups) ?? `${startOf(groups, 4)}::/64`
}

/**
 * The larger network that an IPv6 address counts as, too: its /48, of which one customer may have all 65 536 networks of
 * 64 bits.
 * @returns null for what is no IPv6 address
 */
export function networkKey(ip: string): string | null {
  const address = bareAddress(ip)
  if (!isIPv6(address)) return null
  const groups = ipv6Groups(address)
  return mappedIpv4(groups) === null ? `${startOf(groups, 3)}::/48` : null
}

const LOCAL = new BlockList()
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const) {
  LOCAL.addSubnet(network, prefix, 'ipv4')
}
LOCAL.addAddress('::1', 'ipv6')
LOCAL.addSubnet('fc00::', 7, 'ipv6')
LOCAL.addSubnet('fe80::', 10, 'ipv6')

/**
 * Whether an address is this machine's or a private network's. Calls from there may be those of everybody, passed on by a
 * proxy that nobody has said to trust.
 */
export function isLocalAddress(ip: string): boolean {
  const address = bareAddress(ip)
  const family = isIP(address)
  return family === 0 || LOCAL.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Some proxies say the caller's port, too, which changes with each connection. */
const WITH_PORT = /^(?:\[(?<v6>[^\]]*)\](?::\d+)?|(?<v4>[\d.]+):\d+)$/

/** An address without what may stand around it: a port, brackets, and the zone of an interface. */
function bareAddress(ip: string): string {
  const { v6, v4 } = WITH_PORT.exec(ip)?.groups ?? {}
  const [address = ''] = (v6 ?? v4 ?? ip).split('%')
  return address
}

function startOf(groups: number[], count: number): string {
  return groups
    .slice(0, count)
    .map((group) => group.toString(16))
    .join(':')
}

/** The eight 16-bit groups. The URL parser brings every spelling into one, in which only the `::` is left to fill in. */
function ipv6Groups(address: string): number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = [], tail = []] = canonical.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0')
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16))
}

function mappedIpv4(groups: number[]): string | null {
  const [mark, high = 0, low = 0] = groups.slice(5)
  const isMapped = mark === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  return isMapped ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.') : null
}
