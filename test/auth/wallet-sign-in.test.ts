import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import { readWalletMessage, verifyKeySignature } from '../../src/auth/wallet-sign-in.ts'

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

const read = (message: string) =>
  readWalletMessage({
    message,
    expectedDomains: ['localhost:4040', 'pay.example:4040'],
    chainIds: [1, 31337],
    nowMs: NOW_MS,
  })

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
        notBefore: new Date(NOW_MS),
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
    assertRefused(messageWith({ issuedAt: new Date(NOW_MS - 5 * 60_000 - 1) }), /older/)
    assertRefused(messageWith({ expirationTime: new Date(NOW_MS) }), /expired/)
    assertRefused(messageWith({ notBefore: new Date(NOW_MS + 1) }), /not valid yet/)
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
    assertRefused(messageWith().replace(wallet.address, `0x${wallet.address.slice(2).toUpperCase()}`))
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
