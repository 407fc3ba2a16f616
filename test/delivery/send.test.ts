import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setDefaultCACertificates, type TlsOptions } from 'node:tls'
import { promisify } from 'node:util'
import { type SendOutcome, type SendPolicy, sendWebhook } from '../../src/delivery/webhooks/send.ts'
import { type Receiver, startReceiver } from './receiver.ts'

const certificate = (name: string) => readFileSync(new URL(`../support/certificates/${name}`, import.meta.url), 'utf8')
const TLS: TlsOptions = { cert: certificate('receiver.crt'), key: certificate('receiver.key') }

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine'
const LOOPBACK = ['127.0.0.0/8', '::1']

const answering = (text: string) => (socket: Socket) => {
  socket.end(text)
}

async function receiver(test: TestContext, ...how: Parameters<typeof startReceiver>): Promise<Receiver> {
  const started = await startReceiver(...how)
  test.after(started.stop)
  return started
}

/** Sends to a receiver that loopback is allowed to. */
function send(url: string, policy: Partial<SendPolicy> = {}): Promise<SendOutcome> {
  const headers = { 'content-type': 'application/json', 'webhook-id': 'msg_1', 'user-agent': 'somebody else' }
  return sendWebhook({ url, headers, body: '{"price":"5 €"}' }, { allow: LOOPBACK, timeoutMs: 5_000, ...policy })
}

async function answerTo(test: TestContext, answer: string, policy: Partial<SendPolicy> = {}): Promise<SendOutcome> {
  const { port } = await receiver(test, answering(answer))
  return send(`http://127.0.0.1:${port}/hook`, policy)
}

function answered(outcome: SendOutcome) {
  assert.equal(outcome.status, 'answered')
  return outcome
}

function reason(outcome: SendOutcome): string {
  assert.equal(outcome.status, 'failed')
  assert.match(outcome.reason, /^The .*\.$/)
  return outcome.reason
}

describe('A webhook', { concurrency: true }, () => {
  it('is one POST with the headers given, and nothing of ours but our name', async (test) => {
    const shop = await receiver(test, answering(OK))
    const outcome = await send(`http://127.0.0.1:${shop.port}/hook?shop=7`)
    assert.deepEqual(outcome, { status: 'answered', code: 200, body: 'fine', retryAfterMs: null })
    const [head = '', body] = shop.received().split('\r\n\r\n')
    const [line, ...fields] = head.toLowerCase().split('\r\n')
    assert.equal(line, 'post /hook?shop=7 http/1.1')
    assert.deepEqual(fields.toSorted(), [
      'connection: close',
      'content-length: 17',
      'content-type: application/json',
      `host: 127.0.0.1:${shop.port}`,
      'user-agent: sixpence-webhooks/1',
      'webhook-id: msg_1',
    ])
    assert.equal(body, '{"price":"5 €"}')
  })

  it('goes to the address that was judged, whatever the name resolves to a moment later', async (test) => {
    const judged = await receiver(test, answering(OK))
    const answers = [['127.0.0.1'], ['10.0.0.1']]
    const lookup = async () => answers.shift() ?? []
    const url = `http://shop.example:${judged.port}/`
    assert.equal(answered(await send(url, { lookup })).code, 200)
    assert.match(reason(await send(url, { lookup })), /public address/)
    assert.equal(judged.connections(), 1)
    assert.match(judged.received(), /host: shop\.example:/i)
  })

  it('tries the next address of a name where one does not answer', async (test) => {
    const shop = await receiver(test, answering(OK))
    const lookup = async () => ['127.0.0.9', '127.0.0.1']
    assert.equal(answered(await send(`http://shop.example:${shop.port}/`, { lookup })).code, 200)
  })

  it('makes no connection at all to what is not public', async (test) => {
    const inside = await receiver(test, answering(OK), { host: '::' })
    const hosts = [
      '127.0.0.1 127.1 2130706433 0x7f.1 017700000001 127.0.0.1. ①②⑦.⓪.⓪.① 0 0.0.0.0 localhost LOCALHOST. a.localhost',
      '[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::127.0.0.1] [2002:7f00:1::] shop.example',
    ].flatMap((line) => line.split(' '))
    const lookup = async (name: string) => (name === 'shop.example' ? ['8.8.8.8', '127.0.0.1'] : ['127.0.0.1', '::1'])
    for (const host of hosts) {
      for (const scheme of ['http', 'https']) {
        reason(await send(`${scheme}://${host}:${inside.port}/`, { allow: [], lookup }))
      }
    }
    assert.equal(inside.connections(), 0)
    assert.equal(answered(await send(`http://localhost:${inside.port}/`)).code, 200)
  })

  it('does not follow a redirect', async (test) => {
    const inside = await receiver(test, answering(OK))
    for (const code of [301, 302, 303, 307, 308]) {
      const location = `location: http://127.0.0.1:${inside.port}/`
      const outcome = await answerTo(test, `HTTP/1.1 ${code} Away\r\n${location}\r\ncontent-length: 0\r\n\r\n`)
      assert.equal(answered(outcome).code, code)
    }
    assert.equal(inside.connections(), 0)
  })

  it('passes by every proxy', async (test) => {
    const shop = await receiver(test, answering(OK))
    const proxy = await receiver(test, answering(OK))
    const at = `http://127.0.0.1:${proxy.port}`
    const module = new URL('../../src/delivery/webhooks/send.ts', import.meta.url).href
    const request = JSON.stringify({ url: `http://127.0.0.1:${shop.port}/`, headers: {}, body: '' })
    const program = `import { sendWebhook } from '${module}'
      console.log((await sendWebhook(${request}, { allow: ['127.0.0.1'] })).code)`
    const env = { PATH: process.env.PATH, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: at, http_proxy: at, ALL_PROXY: at }
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { env })
    assert.equal(stdout.trim(), '200')
    assert.deepEqual([shop.connections(), proxy.connections()], [1, 0])
  })
})

describe('The answer to a webhook', { concurrency: true }, () => {
  it('is any code, with or without a body', async (test) => {
    assert.equal(answered(await answerTo(test, 'HTTP/1.1 204 None\r\n\r\n')).body, '')
    assert.equal(answered(await answerTo(test, 'HTTP/1.1 410 Gone\r\ncontent-length: 2\r\n\r\nno')).code, 410)
    assert.equal(answered(await answerTo(test, `HTTP/1.1 100 Continue\r\n\r\n${OK}`)).code, 200)
  })

  it('says when to come again, in seconds or as a date', async (test) => {
    const retryAfterMs = async (value: string) =>
      answered(await answerTo(test, `HTTP/1.1 503 Busy\r\nretry-after: ${value}\r\ncontent-length: 0\r\n\r\n`))
        .retryAfterMs
    assert.equal(await retryAfterMs('120'), 120_000)
    assert.equal(await retryAfterMs('0'), 0)
    assert.equal(await retryAfterMs('Wed, 21 Oct 2015 07:28:00 GMT'), 0)
    const inAnHour = (await retryAfterMs(new Date(Date.now() + 3_600_000).toUTCString())) ?? 0
    assert.ok(inAnHour > 3_500_000 && inAnHour <= 3_600_000, `${inAnHour}`)
    for (const nonsense of ['soon', '-5 apples', '9'.repeat(400)]) assert.equal(await retryAfterMs(nonsense), null)
  })

  it('is kept up to 4 KiB, whole characters only, and the rest is not waited for', {
    timeout: 20_000,
  }, async (test) => {
    const shop = await receiver(test, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${10 * 1024 * 1024}\r\n\r\n`)
      socket.write('€'.repeat(1400))
    })
    const { body } = answered(await send(`http://127.0.0.1:${shop.port}/`, { timeoutMs: 60_000 }))
    assert.equal(body, '€'.repeat(1365))
    await shop.abandoned()
  })

  it('is given by its head; a body that drips, breaks off or lies about its length changes nothing', async (test) => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n'
    assert.equal(answered(await answerTo(test, `${head}half`)).body, 'half')
    assert.equal(
      answered(await answerTo(test, 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine, and more')).body,
      'fine',
    )
    const drip = await receiver(test, (socket) => {
      socket.write(head)
      const dripping = setInterval(() => socket.write('.'), 20)
      socket.once('close', () => clearInterval(dripping))
    })
    const outcome = answered(await send(`http://127.0.0.1:${drip.port}/`, { timeoutMs: 300 }))
    assert.match(outcome.body, /^\.+$/)
    await drip.abandoned()
  })

  it('is no answer where it never comes, breaks off, switches protocols, or is not HTTP', async (test) => {
    const hanging = await receiver(test, () => undefined)
    const dripping = await receiver(test, (socket) => {
      const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 20)
      socket.once('close', () => clearInterval(drip))
    })
    for (const shop of [hanging, dripping]) {
      assert.match(reason(await send(`http://127.0.0.1:${shop.port}/`, { timeoutMs: 200 })), /within 0\.2 seconds/)
      await shop.abandoned()
    }
    const resetting = await receiver(test, (socket) => socket.resetAndDestroy())
    assert.match(reason(await send(`http://127.0.0.1:${resetting.port}/`)), /closed the connection/)
    assert.match(reason(await answerTo(test, '')), /closed the connection/)
    assert.match(reason(await answerTo(test, 'HTTP/1.1 200 OK\r\ncontent-le')), /closed the connection/)
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n'
    assert.match(reason(await answerTo(test, switching)), /closed the connection/)
    assert.match(reason(await answerTo(test, 'SSH-2.0-OpenSSH_9\r\n')), /does not speak HTTP/)
    assert.match(reason(await answerTo(test, `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`)), /HTTP/)
  })

  it('is no answer where nobody listens, the name hangs, or the attempt is called off', async (test) => {
    const gone = await startReceiver(() => undefined)
    await gone.stop()
    assert.match(reason(await send(`http://127.0.0.1:${gone.port}/`)), /refused/)
    const forever = () => new Promise<string[]>(() => undefined)
    assert.match(
      reason(await send('https://shop.example/', { lookup: forever, timeoutMs: 100 })),
      /within 0\.1 seconds/,
    )
    const failing = () => Promise.reject(new Error('no such thing as dns-7.internal'))
    assert.equal(reason(await send('https://shop.example/', { lookup: failing })), 'The receiver could not be reached.')

    const calledOff = new AbortController()
    const hanging = await receiver(test, () => calledOff.abort())
    const url = `http://127.0.0.1:${hanging.port}/`
    assert.match(reason(await send(url, { signal: calledOff.signal })), /called off/)
    assert.match(reason(await send(url, { signal: calledOff.signal })), /called off/)
    await hanging.abandoned()
    assert.equal(hanging.connections(), 1)
  })

  it('is a failure, and nothing thrown, where the request itself is impossible', async () => {
    const impossible = { url: 'http://127.0.0.1/', headers: { 'x-name': 'two\r\nlines' }, body: '' }
    assert.equal(reason(await sendWebhook(impossible, { allow: LOOPBACK })), 'The receiver could not be reached.')
    assert.match(reason(await send('nonsense')), /not valid/)
  })
})

describe('TLS to a receiver', { concurrency: true }, () => {
  const lookup = async () => ['127.0.0.1']

  it('names the host and trusts no certificate but one for it', async (test) => {
    let named: string | boolean | null = null
    const shop = await receiver(
      test,
      (socket) => {
        if ('servername' in socket) named = socket.servername as string
        socket.end(OK)
      },
      { tls: TLS },
    )
    assert.match(reason(await send(`https://receiver.example:${shop.port}/`, { lookup })), /certificate is not valid/)
    assert.equal(shop.received(), '')
    setDefaultCACertificates([certificate('authority.crt')])
    assert.equal(answered(await send(`https://receiver.example.:${shop.port}/`, { lookup })).code, 200)
    assert.equal(named, 'receiver.example')
    assert.match(reason(await send(`https://other.example:${shop.port}/`, { lookup })), /another host name/)
    assert.match(reason(await send(`https://127.0.0.1:${shop.port}/`, { lookup })), /another host name/)
  })

  it('is not given up for a receiver that speaks none, nor waited for longer than 5 seconds', async (test) => {
    const plain = await receiver(test, () => undefined, { greeting: OK })
    const silent = await receiver(test, () => undefined)
    assert.match(reason(await send(`https://receiver.example:${plain.port}/`, { lookup })), /does not speak TLS/)
    const outcome = await send(`https://receiver.example:${silent.port}/`, { lookup, timeoutMs: 60_000 })
    assert.match(reason(outcome), /could not be reached within 5 seconds/)
  })
})
