import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { newSigningSecret, webhookHeaders } from '../../src/delivery/webhooks/sign.ts'

/** The example that Standard Webhooks publishes. */
const EXAMPLE = {
  messageId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampSeconds: 1614265330,
  body: '{"test": 2432232314}',
}
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

const OLDER_SECRET = 'whsec_bm90IHRoZSBzYW1lIHNlY3JldCBhcyBiZWZvcmU='

function platformSignature(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

describe('The headers that sign a webhook', () => {
  it('are those of the published example', () => {
    assert.deepEqual(webhookHeaders({ ...EXAMPLE, secrets: [SECRET] }), {
      'webhook-id': EXAMPLE.messageId,
      'webhook-timestamp': '1614265330',
      'webhook-signature': SIGNATURE,
      'x-platform-signature': platformSignature(SECRET, EXAMPLE.body),
    })
  })

  it('are by both secrets while one takes over from the other', () => {
    const headers = webhookHeaders({ ...EXAMPLE, secrets: [SECRET, OLDER_SECRET] })
    const [newest, older, ...more] = headers['webhook-signature']?.split(' ') ?? []
    assert.equal(newest, SIGNATURE)
    assert.equal(older, webhookHeaders({ ...EXAMPLE, secrets: [OLDER_SECRET] })['webhook-signature'])
    assert.notEqual(newest, older)
    assert.deepEqual(more, [])
    assert.equal(headers['x-platform-signature'], platformSignature(SECRET, EXAMPLE.body))
    assert.equal(headers['x-platform-signature-previous'], platformSignature(OLDER_SECRET, EXAMPLE.body))
  })

  it('sign the body as UTF-8, the id and the time', () => {
    const signature = (change: Partial<typeof EXAMPLE>) =>
      webhookHeaders({ ...EXAMPLE, ...change, secrets: [SECRET] })['webhook-signature']
    const umlauts = { body: '{"name":"Käse €"}' }
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
    const signed = Buffer.from(`${EXAMPLE.messageId}.${EXAMPLE.timestampSeconds}.${umlauts.body}`, 'utf8')
    assert.equal(signature(umlauts), `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    assert.notEqual(signature({ messageId: 'msg_2' }), SIGNATURE)
    assert.notEqual(signature({ timestampSeconds: 1614265331 }), SIGNATURE)
  })
})

describe('A new signing secret', () => {
  it('is 256 random bits in base64 behind whsec_', () => {
    const secret = newSigningSecret()
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
    assert.notEqual(newSigningSecret(), secret)
  })
})
