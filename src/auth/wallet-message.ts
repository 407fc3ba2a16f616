import { isIPv6 } from 'node:net'

/** The fields of an EIP-4361 message that is written as its standard says. Times are Unix milliseconds. */
export type WalletMessageFields = {
  domain: string
  /** 20 bytes in hex, in whichever case they were written. */
  address: `0x${string}`
  uri: string
  chainId: number
  nonce: string
  issuedAtMs: number
  expirationTimeMs: number | null
  notBeforeMs: number | null
}

/** Far above what a wallet shows to a person, and short enough to parse in no time whatever is in it. */
const MAX_MESSAGE_LENGTH = 4096

/**
 * Each field has a line of its own, in one order, and nothing stands between or after them: there is no place where a
 * second, different statement could hide. A statement may be left out, or be there and be empty.
 */
const LINES = new RegExp(
  [
    '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?<domain>[^\\s/]+) wants you to sign in with your Ethereum account:',
    '(?<address>0x[0-9a-fA-F]{40})',
    '(?:\n(?<statement>.*))?',
    '',
    'URI: (?<uri>.+)',
    'Version: (?<version>.+)',
    'Chain ID: (?<chainId>[0-9]{1,16})',
    'Nonce: (?<nonce>[A-Za-z0-9]{8,})',
    'Issued At: (?<issuedAt>.+)(?:\nExpiration Time: (?<expirationTime>.+))?(?:\nNot Before: (?<notBefore>.+))?' +
      '(?:\nRequest ID: (?<requestId>.*))?(?:\nResources:(?<resources>(?:\n- .+)*))?$',
  ].join('\n'),
)

/** RFC 3986. What is in brackets must be an IPv6 address beside. */
const AUTHORITY =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?$/
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/
const REQUEST_ID = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/

/** RFC 3339, where a zone must be stated. */
const TIME = /^(?<date>\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/

/**
 * Parses an EIP-4361 message, version 1.
 * @returns its fields; or which of them is not as the standard has it, `message` where the lines themselves are not
 */
export function parseWalletMessage(message: string): WalletMessageFields | { malformed: string } {
  const lines = message.length > MAX_MESSAGE_LENGTH ? null : LINES.exec(message)
  if (lines === null) return { malformed: 'message' }
  const { domain = '', address, uri = '', version, requestId = '', resources = '', ...rest } = lines.groups ?? {}
  if (!isAuthority(domain)) return { malformed: 'domain' }
  if (!URI.test(uri)) return { malformed: 'URI' }
  if (version !== '1') return { malformed: 'Version' }
  const chainId = Number(rest.chainId)
  if (!Number.isSafeInteger(chainId)) return { malformed: 'Chain ID' }
  const issuedAtMs = parseTime(rest.issuedAt)
  if (issuedAtMs === null) return { malformed: 'Issued At' }
  const expirationTimeMs = parseTime(rest.expirationTime)
  if (expirationTimeMs === null && rest.expirationTime !== undefined) return { malformed: 'Expiration Time' }
  const notBeforeMs = parseTime(rest.notBefore)
  if (notBeforeMs === null && rest.notBefore !== undefined) return { malformed: 'Not Before' }
  if (!REQUEST_ID.test(requestId)) return { malformed: 'Request ID' }
  if (
    !resources
      .split('\n- ')
      .slice(1)
      .every((resource) => URI.test(resource))
  )
    return { malformed: 'Resources' }
  const times = { issuedAtMs, expirationTimeMs, notBeforeMs }
  return { domain, address: address as `0x${string}`, uri, chainId, nonce: rest.nonce ?? '', ...times }
}

function isAuthority(domain: string): boolean {
  const ipv6 = AUTHORITY.exec(domain)?.groups
  return ipv6 !== undefined && (ipv6.ipv6 === undefined || isIPv6(ipv6.ipv6))
}

/** Null also for a day that its month does not have, which dates of JavaScript carry over into the next. */
function parseTime(text: string | undefined): number | null {
  const date = TIME.exec(text ?? '')?.groups?.date
  if (text === undefined || date === undefined) return null
  const dayMs = Date.parse(`${date}T00:00:00Z`)
  if (Number.isNaN(dayMs) || !new Date(dayMs).toISOString().startsWith(date)) return null
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? null : timeMs
}
