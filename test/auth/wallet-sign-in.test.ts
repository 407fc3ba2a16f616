import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { readWalletMessage, refusalOfTime, verifyKeySignature } from '../../src/auth/wallet-sign-in.ts'

const NOW_MS = Date.UTC(2026, 0, 1, 12)
const wallet = privateKeyToAccount(generatePrivateKey())
const nonce = '0123456789abcdef'.repeat(3)

type Fields = Parameters<typeof createSiweMessage>[0]

const messageWith = (changed: Partial<Fields> = {}) =>
  createSiweMessage({
    address: wallet.address,
    chainId: 31337,
    domain: 'pay.example:4040',
    nonce,
    uri: 'https://pay.example:4040/wallet',
    version: '1',
    issuedAt: new Date(NOW_MS),
    statement: 'Sign in to pay.',
    ...changed,
  })

/** What the message says, if it is in order at `nowMs`; or what is wrong with it. */
function read(message: string, nowMs = NOW_MS) {
  const found = readWalletMessage({
    message,
    expectedDomains: ['localhost:4040', 'pay.example:4040', '[::1]:4040', '127.0.0.1'],
    chainIds: [1, 31337],
  })
  if ('refusal' in found) return found
  const { times, ...said } = found
  const refusal = refusalOfTime(times, nowMs)
  return refusal === null ? said : { refusal }
}

const GOOD = { address: wallet.address, chainId: 31337, nonce }

function assertRefused(message: string, why?: RegExp) {
  const result = read(message)
  assert.ok('refusal' in result, message)
  if (why !== undefined) assert.match(result.refusal, why)
}

describe('a wallet message', () => {
  const good: [string, string][] = [
    ['as wallets write it', messageWith()],
    ['without a statement', messageWith({ statement: undefined })],
    ['with a scheme', messageWith({ scheme: 'https' })],
    [
      'for another name of the server, in capitals',
      messageWith({ domain: 'LOCALHOST:4040'.toLowerCase(), uri: 'http://LocalHost:4040' }),
    ],
    [
      'with every optional field',
      messageWith({
        expirationTime: new Date(NOW_MS + 1),
        notBefore: new Date(NOW_MS + 59_000),
        requestId: 'r1',
        resources: ['https://pay.example/terms'],
      }),
    ],
    ['from a wallet whose clock is a little ahead', messageWith({ issuedAt: new Date(NOW_MS + 59_000) })],
    ['with a time without milliseconds', messageWith().replace('12:00:00.000Z', '12:00:00Z')],
    ['with a time of another zone', messageWith().replace('12:00:00.000Z', '14:00:00+02:00')],
  ]
  for (const [what, message] of good) {
    it(`is read ${what}`, () => assert.deepEqual(read(message), GOOD))
  }

  it('is refused when it is meant for another server', () => {
    assertRefused(messageWith({ domain: 'evil.example' }), /evil\.example/)
    assertRefused(messageWith({ domain: 'pay.example' }), /is meant for/)
    assertRefused(messageWith({ domain: 'pay.example.evil.example:4040' }))
    assertRefused(messageWith({ uri: 'https://evil.example/' }), /URI/)
    assertRefused(messageWith({ uri: 'https://pay.example:4040@evil.example/' }), /URI/)
    assertRefused(messageWith({ uri: 'https://pay.example/' }), /URI/)
    assertRefused(messageWith({ uri: 'ftp://pay.example:4040/' }), /URI/)
    assertRefused(messageWith({ uri: 'did:pay.example:4040' }), /URI/)
  })

  it('is refused for a chain that is not enabled', () => {
    assertRefused(messageWith({ chainId: 5 }), /chain 5/)
  })

  it('is refused outside its times', () => {
    assertRefused(messageWith({ issuedAt: new Date(NOW_MS + 61_000) }), /future/)
    assertRefused(messageWith({ issuedAt: new Date(NOW_MS - 6 * 60_000 - 1) }), /361 s ago.* clock .* is slow/)
    assertRefused(messageWith({ expirationTime: new Date(NOW_MS) }), /expired/)
    assertRefused(messageWith({ notBefore: new Date(NOW_MS + 61_000) }), /not valid yet, only in 61 s/)
  })

  it('is refused with a time that is none', () => {
    assertRefused(messageWith().replace(/Issued At: .*/, 'Issued At: 1 January 2026'), /EIP-4361/)
    assertRefused(
      messageWith({ expirationTime: new Date(NOW_MS + 1) }).replace(/Expiration Time: .*/, 'Expiration Time: never'),
    )
    assertRefused(messageWith().replace('2026-01-01T', '2026-13-41T'))
  })

  it('is refused in another version or without a field', () => {
    assertRefused(messageWith().replace('Version: 1', 'Version: 2'))
    for (const field of ['URI', 'Version', 'Chain ID', 'Nonce', 'Issued At']) {
      assertRefused(messageWith().replace(new RegExp(`\n${field}: .*`), ''), /EIP-4361/)
    }
    assertRefused(messageWith().replace(nonce, 'short'))
    assertRefused(messageWith().replace(wallet.address, '0x1234'))
  })

  it('is refused without the checksum of its address, which the refusal tells, and with a wrong one', () => {
    const digits = wallet.address.slice(2)
    const flipped = digits.replace(/[a-f]/i, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    )
    const withDigits = (other: string) => messageWith().replace(digits, other)
    for (const plain of [digits.toLowerCase(), digits.toUpperCase()]) {
      assertRefused(withDigits(plain), new RegExp(`without its checksum \\(EIP-55\\); write it as ${wallet.address}`))
    }
    assertRefused(withDigits(flipped), /checksum \(EIP-55\) is wrong/)
  })

  it('is refused with anything before, between or after its parts', () => {
    const message = messageWith()
    assertRefused(`\n${message}`)
    assertRefused(`${message}\n`)
    assertRefused(`${message}\nI also owe you everything.`)
    assertRefused(message.replace('\nURI:', '\nI also owe you everything.\n\nURI:'))
    assertRefused(message.replaceAll('\n', '\r\n'))
    assertRefused(`${message}\n\n${messageWith({ domain: 'evil.example' })}`)
  })

  it('is refused as nonsense of any length', () => {
    for (const text of [
      '',
      'hello',
      '\u0000',
      'URI: '.repeat(13_000),
      `${messageWith()}${'\n- https://a.example'.repeat(500)}`,
    ]) {
      assertRefused(text, /EIP-4361/)
    }
  })
})

/** The cases that SpruceID publishes for parsers and verifiers of EIP-4361, by their names, on messages of our own. */
describe('of the published cases', () => {
  const at = (domain: string) => messageWith({ domain: 'pay.example:4040' }).replace('pay.example:4040', domain)
  const reading = (uri: string) => messageWith().replace(/^URI: .*/m, `URI: ${uri}`)
  const full = messageWith({
    expirationTime: new Date(NOW_MS + 1),
    notBefore: new Date(NOW_MS),
    requestId: 'some_id',
    resources: ['https://pay.example/terms', 'ipfs://something'],
  })
  const swapped = (one: string, other: string) => {
    const lines = full.split('\n')
    const [a, b] = [one, other].map((name) => lines.findIndex((line) => line.startsWith(name)))
    assert.ok(a !== undefined && b !== undefined && a >= 0 && b >= 0)
    return lines
      .with(a, lines[b] ?? '')
      .with(b, lines[a] ?? '')
      .join('\n')
  }
  const without = (line: string) => full.replace(new RegExp(`^${line}.*`, 'm'), '')

  const taken: Record<string, string> = {
    'couple of optional fields': messageWith({ resources: ['ipfs://something', 'https://pay.example/claim.json'] }),
    'no optional field': messageWith(),
    'timestamp without microseconds': messageWith().replace('12:00:00.000Z', '12:00:00Z'),
    'timezone not utc': messageWith().replace('12:00:00.000Z', '09:30:00.000-02:30'),
    'domain is RFC 3986 authority with IP': at('127.0.0.1'),
    'domain is localhost authority with port': at('localhost:4040'),
    'no statement': messageWith({ statement: undefined }),
    'empty statement': messageWith({ statement: undefined }).replace('\n\n\nURI', '\n\n\n\nURI'),
    'domain ipv6': at('[0:0::1]:4040'),
    'uri ipv6': reading('http://[::1]:4040'),
    'uri ipv4': reading('http://127.0.0.1'),
    'uri with port': reading('http://localhost:4040'),
    'uri ipv4 query params and fragment': reading('http://127.0.0.1/?query=one#begin'),
    'domain contains optional scheme': at('https://pay.example:4040'),
    'scheme is not parsed from elsewhere in message': messageWith({ statement: 'See http://localhost:4040/terms' }),
  }
  for (const [name, message] of Object.entries(taken)) {
    it(`takes: ${name}`, () => assert.deepEqual(read(message), GOOD))
  }
  it('takes: chainId not 1, and 1', () => assert.deepEqual(read(messageWith({ chainId: 1 })), { ...GOOD, chainId: 1 }))

  it('reads, but for another place: domain with userinfo, without and with port', () => {
    assertRefused(at('test@127.0.0.1'), /is meant for test@127\.0\.0\.1/)
    assertRefused(at('test@localhost:4040'), /is meant for test@localhost:4040/)
  })

  const refused: Record<string, string> = {
    'missing domain': at(''),
    'missing address': full.replace(wallet.address, ''),
    'missing uri': without('URI: '),
    'missing version': without('Version: '),
    'missing chainId': without('Chain ID: '),
    'missing nonce': without('Nonce: '),
    'missing issuedAt': without('Issued At: '),
    'out of order uri': swapped('URI: ', 'Version: '),
    'out of order version': swapped('Version: ', 'Chain ID: '),
    'out of order chainId': swapped('Chain ID: ', 'Nonce: '),
    'out of order nonce': swapped('Nonce: ', 'Issued At: '),
    'out of order issuedAt': swapped('Issued At: ', 'Expiration Time: '),
    'out of order expirationTime': swapped('Expiration Time: ', 'Not Before: '),
    'out of order notBefore': swapped('Not Before: ', 'Request ID: '),
    'out of order requestId': swapped('Request ID: ', 'Resources:'),
    'out of order resources': swapped('Resources:', 'Not Before: '),
    'domain not RFC 3986 authority': at('#pay.example'),
    'domain is no IPv6 address': at('[::1::2]:4040'),
    'address not EIP-55': full.replace(wallet.address, wallet.address.toLowerCase()),
    'statement has line break': messageWith().replace('Sign in', 'Sign\nin'),
    'uri is non-RFC 3986': reading(':nothing'),
    'version not 1': full.replace('Version: 1', 'Version: 3'),
    'not a valid chainId': full.replace('Chain ID: 31337', 'Chain ID: ?'),
    'nonce with less than 8 chars': full.replace(nonce, '1234567'),
    'non-ISO 8601 issuedAt': full.replace(/Issued At: .*/, 'Issued At: Thu Jan 01 2026 12:00:00 GMT+0000'),
    'non-ISO 8601 expirationTime': full.replace(/Expiration Time: .*/, 'Expiration Time: Fri Jan 02 2026 12:00:00'),
    'non-ISO 8601 notBefore': full.replace(/Not Before: .*/, 'Not Before: Thu Jan 01 2026 12:00:00'),
    'resources not separated by line break': full.replace('terms\n- ', 'terms - '),
    'first resource not-RFC 3986': full.replace('https://pay.example/terms', ':nothing'),
    'second resource is not-RFC 3986': full.replace('ipfs://something', 'nothing at all'),
    'invalid issuedAt': messageWith().replace('2026-01-01T', '2025-02-31T'),
    'invalid notBefore': full.replace(/Not Before: .*/, 'Not Before: 2025-02-31T12:00:00.000Z'),
    'invalid expirationTime': full.replace(/Expiration Time: .*/, 'Expiration Time: 2026-02-31T12:00:00.000Z'),
    'expired message': messageWith({ expirationTime: new Date(NOW_MS - 1) }),
    'domain binding': messageWith({ domain: 'evil.example' }),
    'not yet valid': messageWith({ notBefore: new Date(NOW_MS + 3_600_000) }),
  }
  for (const [name, message] of Object.entries(refused)) {
    it(`refuses: ${name}`, () => {
      assert.ok(message !== full && message !== messageWith(), 'the case differs from a good message')
      assertRefused(message)
    })
  }

  it('goes by the time that it is given: custom time', () => {
    const message = messageWith({ expirationTime: new Date(NOW_MS + 30_000), notBefore: new Date(NOW_MS - 30_000) })
    assert.deepEqual(read(message, NOW_MS + 29_000), GOOD)
    assert.ok('refusal' in read(message, NOW_MS + 31_000))
  })

  it('takes a signature whose recovery byte starts at 0, and no malformed or wrong one', async () => {
    const message = messageWith()
    const signature = await wallet.signMessage({ message })
    const recovery = Number.parseInt(signature.slice(-2), 16) - 27
    const fromZero = `${signature.slice(0, -2)}0${recovery}` as const
    const check = (given: string) =>
      verifyKeySignature({ address: wallet.address, message, signature: given as `0x${string}` })
    assert.equal(await check(fromZero), true, 'recovery byte starting at 0')
    assert.equal(await check(`${signature}1b`), false, 'malformed signature')
    assert.equal(await check(await wallet.signMessage({ message: `${message} ` })), false, 'wrong signature')
  })
})

describe('a signature', () => {
  it('is checked against address and message', async () => {
    const message = messageWith()
    const signature = await wallet.signMessage({ message })
    const other = privateKeyToAccount(generatePrivateKey())
    assert.equal(await verifyKeySignature({ address: wallet.address, message, signature }), true)
    assert.equal(await verifyKeySignature({ address: other.address, message, signature }), false)
    assert.equal(await verifyKeySignature({ address: wallet.address, message: `${message} `, signature }), false)
  })

  it('that is none is just wrong', async () => {
    const message = messageWith()
    for (const signature of [
      '0x',
      '0x00',
      `0x${'00'.repeat(65)}`,
      `0x${'ff'.repeat(65)}`,
      `0x${'zz'.repeat(65)}`,
    ] as const) {
      assert.equal(await verifyKeySignature({ address: wallet.address, message, signature }), false)
    }
    assert.equal(
      await verifyKeySignature({ address: '0x12', message, signature: await wallet.signMessage({ message }) }),
      false,
    )
  })
})
