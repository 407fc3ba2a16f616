/** The names under which a machine reaches itself. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/**
 * Adds to each host that leads to this very machine the other names of it: a browser may have been sent to any of them.
 * @param hosts hosts, with ports where they are not the default
 */
export function withLoopbackNames(hosts: readonly string[]): string[] {
  const all = hosts.flatMap((host) => {
    const url = parseHost(host)
    if (url === null || !isLoopback(url)) return [host]
    return [host, ...LOOPBACK_NAMES.map((name) => (url.port === '' ? name : `${name}:${url.port}`))]
  })
  return [...new Set(all)]
}

/**
 * Whether a page that was loaded from `host` can be of this server: an address, which no name can be turned into, a name
 * of the machine itself, or one that the operator has given the server. Any other name may be a stranger's that was made
 * to point here (DNS rebinding).
 * @param host the Host header, undefined where there is none
 */
export function isOwnHost(host: string | undefined, publicHosts: readonly string[]): boolean {
  const url = host === undefined ? null : parseHost(host)
  if (url === null) return false
  return isLoopback(url) || isAddress(url) || publicHosts.some((own) => isSameHost(own, url.host))
}

/** Whether two hosts, with their ports, are the same however they are written. */
export function isSameHost(some: string, other: string): boolean {
  return canonical(some) === canonical(other)
}

/** An IPv6 address can be written in many ways, and a name in any case. */
function canonical(host: string): string {
  const address = /^(\[[^\]]*\])(.*)$/.exec(host)
  if (address === null) return host.toLowerCase()
  return (URL.parse(`http://${address[1]}`)?.hostname ?? address[1]) + (address[2] ?? '')
}

function parseHost(host: string): URL | null {
  return /[/?#@\\\s]/.test(host) ? null : URL.parse(`http://${host}`)
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function isAddress({ hostname }: URL): boolean {
  return hostname.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(hostname)
}
