import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { FieldError } from '../../src/protocol/problems.ts'
import { eventLog } from '../support/event-log.ts'
import {
  type Answer,
  asking,
  callerOf,
  newParties,
  PAYER_ADDRESS,
  type Parties,
  reserve,
  startTestServer,
  type TestServer,
  token,
  UNVERIFIED_NETWORK,
} from '../support/server.ts'
import { newEmail, PASSWORD, type ReadyCall, ROUTES } from './calls.ts'
import { assertInvalidFields, assertProblem, assertSomeRefusal, ok } from './problems.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.stop())

type RawBody = string | Uint8Array<ArrayBuffer> | ReadableStream

/** Sends bytes as they are. */
async function sendRaw(call: ReadyCall, body: RawBody | undefined, contentType = 'application/json'): Promise<Answer> {
  const headers = { ...call.caller?.headers, ...(contentType && { 'content-type': contentType }) }
  const response = await fetch(`${server.url}/api/v1${call.path}`, { method: 'POST', headers, body, duplex: 'half' })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
}

const sendJson = (call: ReadyCall, body: unknown) => sendRaw(call, JSON.stringify(body))

/** A good call of each route that reads a body, with every optional field in it that the route knows. */
const WITH_BODY: Record<string, (server: TestServer) => Promise<ReadyCall>> = {
  ...Object.fromEntries(
    [
      'POST /auth/api-keys',
      'POST /vouchers/contexts/context-open',
      'POST /vouchers/contexts/:contextId/context-close',
      'POST /vouchers/reserve-voucher',
      'POST /vouchers/:voucherId/sign-voucher',
      'POST /vouchers/:voucherId/resolve-voucher',
      'POST /auth/sign-in',
      'POST /webhook-endpoints',
    ].map((route) => [route, readyFor(route)]),
  ),
  'POST /auth/sign-in by email': async () => ({
    path: '/auth/sign-in',
    caller: null,
    body: { type: 'email-password', data: { email: newEmail(), password: PASSWORD } },
  }),
  'POST /auth/sign-in by device': async () => ({
    path: '/auth/sign-in',
    caller: null,
    body: { type: 'mobile-device', data: { installationId: 'i'.repeat(32), password: 'p'.repeat(32) } },
  }),
  'POST /auth/sign-in by wallet': async () => ({
    path: '/auth/sign-in',
    caller: null,
    body: { type: 'wallet', data: { message: 'hello', signature: '0x1234' } },
  }),
  'POST /auth/sign-up': readyFor('POST /auth/sign-up'),
  'POST /auth/sign-up by device': async () => ({
    path: '/auth/sign-up',
    caller: null,
    body: {
      type: 'mobile-device',
      data: {
        installationId: 'i'.repeat(32),
        password: 'p'.repeat(32),
        platform: 'ios',
        challenge: 'c'.repeat(48),
        assertionToken: 'token',
      },
    },
  }),
  'POST /vouchers/sessions/session-open': async (on) => {
    const call = await readyFor('POST /vouchers/sessions/session-open')(on)
    return { ...call, body: { ...Object(call.body), type: 'SESSION_DEFAULT', payeeInfo: {} } }
  },
  'POST /vouchers/:voucherId/redeem-voucher (SIMPLE)': async (on) => {
    const call = await readyFor('POST /vouchers/:voucherId/redeem-voucher')(on)
    return { ...call, body: { ...Object(call.body), payeeInfo: {}, orderId: 'order 1' } }
  },
  'POST /vouchers/:voucherId/redeem-voucher (CUSTOM)': async (on) => {
    const call = await readyFor('POST /vouchers/:voucherId/redeem-voucher')(on)
    return { ...call, body: customTerms() }
  },
}

/** Routes whose good call above is refused in the end, for a reason that no schema knows. */
const GOOD_BUT_REFUSED = ['by email', 'by device', 'by wallet']

function readyFor(route: string): (server: TestServer) => Promise<ReadyCall> {
  const facts = ROUTES[route]
  assert.ok(facts, route)
  return facts.ready
}

function customTerms() {
  const input = { from: '{payer}', to: '0x0000000000000000000000000000000000000b0b', value: '0', data: '0x1234' }
  return {
    networks: [{ network: UNVERIFIED_NETWORK, type: 'evm', chainId: '31338' }],
    payments: [{ type: 'send_transaction', input }],
    extras: [{ type: 'call_transaction', input }],
  }
}

/** Optional where they stand; everything else in the bodies above is required. */
const OPTIONAL = new Set([
  ...['payeeInfo', 'orderId', 'network', 'currencyAddress', 'assertionKeyId', 'extras', 'ownerId'],
  ...['description', 'events', 'widgetId'],
])
const isOptional = (route: string, pointer: string, name: string) =>
  pointer.startsWith('/networks') ? false : OPTIONAL.has(name) || (route.includes('session-open') && name === 'type')

const WRONG_VALUES = [null, true, 7, -1, 0.5, 1e300, [], [[]], [null], {}, { length: 1 }, 'x'.repeat(20_000), '\u0000']

const kindOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

type Place = { pointer: string; value: unknown; replaced: (by: unknown) => unknown; removed: () => unknown }

/** Every place in a JSON document, the document itself first. */
function* placesIn(value: unknown, pointer = '', put: (by: unknown) => unknown = (by) => by): Generator<Place> {
  yield { pointer, value, replaced: put, removed: () => put(undefined) }
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const copy = (by: unknown) =>
      Array.isArray(value) ? value.with(Number(key), by) : { ...Object.fromEntries(Object.entries(value)), [key]: by }
    yield* placesIn(inner, `${pointer}/${key}`, (by) => put(copy(by)))
  }
}

/** Counts what the store holds that calls could have changed. */
const eventCount = async () => (await eventLog(server)).length

describe('wrong fields', () => {
  for (const [route, ready] of Object.entries(WITH_BODY)) {
    it(`are named by ${route}`, async () => {
      const call = await ready(server)
      const events = await eventCount()
      for (const place of placesIn(call.body)) await tryWrongValues(call, route, place)
      assert.equal(await eventCount(), events, 'nothing may have changed')
      if (!GOOD_BUT_REFUSED.some((end) => route.endsWith(end))) ok(await sendJson(call, call.body), 'the good call')
    })
  }
})

async function tryWrongValues(call: ReadyCall, route: string, { pointer, value, replaced, removed }: Place) {
  for (const wrong of WRONG_VALUES) {
    const isSameKind = kindOf(wrong) === kindOf(value)
    if (isSameKind && kindOf(wrong) !== 'string') continue
    const what = `${route} ${pointer} ${JSON.stringify(wrong).slice(0, 40)}`
    const answer = await sendJson(call, replaced(wrong))
    if (isSameKind) assertSomeRefusal(answer, what)
    else assertNames(answer, pointer, what)
  }
  const name = pointer.slice(pointer.lastIndexOf('/') + 1)
  if (pointer === '' || /^\d+$/.test(name) || isOptional(route, pointer, name)) return
  const answer = await sendJson(call, removed())
  if (/^\/(expectedPayment|networks|payments)$/.test(pointer)) assertProblem(answer, 'validation_failed', pointer)
  else assertInvalidFields(answer, [pointer], `${route} without ${pointer}`)
}

/** The wrong field itself is named, or what it lacks. */
function assertNames(answer: Answer, pointer: string, what: string): void {
  assertProblem(answer, 'validation_failed', what)
  const { errors = [] } = answer.body as { errors?: FieldError[] }
  assert.ok(errors.length > 0, `${what} ${JSON.stringify(answer.body)}`)
  for (const { path } of errors) assert.ok(path.startsWith(pointer), `${what} ${JSON.stringify(errors)}`)
}

describe('bodies that no route takes', () => {
  const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels)
  const unreadable: [string, RawBody][] = [
    ['a half object', '{"code":'],
    ['a trailing comma', '{"code":"123456",}'],
    ['two documents', '{}{}'],
    ['single quotes', "{'code':'123456'}"],
    ['a comment', '{} // yes'],
    ['NaN', '{"code":NaN}'],
    ['a raw NUL', '{"code":"\u0000"}'],
    ['NUL only', '\u0000'],
    ['white space only', '   '],
    ['a byte order mark in the middle', '{\ufeff"code":"123456"}'],
    ['UTF-16', Buffer.from('{"code":"123456"}', 'utf16le')],
    ['a lone continuation byte', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0x80, 0x22, 0x7d])],
    ['an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['a prototype', '{"__proto__":{"admin":true},"code":"123456"}'],
    ['a nested prototype', '{"data":{"__proto__":{}}}'],
    ['a constructor with a prototype', '{"constructor":{"prototype":{"admin":true}}}'],
    ['arrays without end', deep(30_000, '[', ']')],
    ['objects without end', `${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}`],
    ['a deep payeeInfo', `{"payeeInfo":{"a":${deep(20_000, '[', ']')}}}`],
    ['brackets never closed', '['.repeat(60_000)],
  ]
  const posts = Object.keys(ROUTES).filter((route) => route.startsWith('POST '))

  for (const route of posts) {
    it(`are refused by ${route}`, async () => {
      const call = await readyFor(route)(server)
      const events = await eventCount()
      for (const [name, body] of unreadable) assertProblem(await sendRaw(call, body), 'validation_failed', name)
      const good = JSON.stringify(call.body ?? {})
      for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'x']) {
        assertProblem(await sendRaw(call, good, type), 'unsupported_media_type', type)
      }
      const padded = (bytes: number) => `{"padding":"${'x'.repeat(bytes - '{"padding":""}'.length)}"}`
      assertProblem(await sendRaw(call, padded(65 * 1024)), 'payload_too_large', '65 KiB')
      assertProblem(await sendRaw(call, chunked(padded(65 * 1024))), 'payload_too_large', '65 KiB in chunks')
      assert.notEqual((await sendRaw({ ...call, path: '/auth/sign-up' }, padded(64 * 1024))).status, 413, '64 KiB')
      assert.equal(await eventCount(), events, 'nothing may have changed')
      const last = await sendRaw(call, call.body === undefined ? undefined : good, 'application/json; charset=utf-8')
      ok(last, 'the good call')
    })
  }

  function chunked(text: string): RawBody {
    return new ReadableStream({
      start(controller) {
        for (let at = 0; at < text.length; at += 8192) {
          controller.enqueue(new TextEncoder().encode(text.slice(at, at + 8192)))
        }
        controller.close()
      },
    })
  }

  it('are refused at random, in every place of every route', async () => {
    const calls = await Promise.all(
      Object.entries(WITH_BODY).map(async ([route, ready]) => ({ route, call: await ready(server) })),
    )
    const events = await eventCount()
    const anywhere = fc.constantFrom(...calls.flatMap(({ route, call }) => placesOf(route, call)))
    await fc.assert(
      fc.asyncProperty(anywhere, fc.jsonValue({ maxDepth: 4 }), async ({ route, call, place }, value) => {
        fc.pre(kindOf(value) !== kindOf(place.value))
        assertSomeRefusal(await sendJson(call, place.replaced(value)), `${route} ${place.pointer}`)
      }),
      { numRuns: 400 },
    )
    assert.equal(await eventCount(), events, 'nothing may have changed')
  })

  it('are refused where they nest without end in what is otherwise good', async () => {
    for (const route of ['POST /vouchers/sessions/session-open', 'POST /vouchers/:voucherId/redeem-voucher']) {
      const call = await readyFor(route)(server)
      const good = JSON.stringify(call.body).slice(0, -1)
      const nested = (levels: number) => `${good},"payeeInfo":{"a":${deep(levels, '[', ']')}}}`
      for (const levels of [30_000, 5_000, 100]) {
        assertProblem(await sendRaw(call, nested(levels)), 'validation_failed', `${levels} levels`)
      }
      ok(await sendRaw(call, nested(50)), '50 levels')
    }
  })

  const placesOf = (route: string, call: ReadyCall) => [...placesIn(call.body)].map((place) => ({ route, call, place }))
})

describe('amounts', () => {
  let parties: Parties
  before(async () => {
    parties = await newParties(server.url)
  })
  const wrong = [
    ...['', ' ', '0', '0.0', '0.000000', '-1', '-0', '+1', '01', '00.5', '1.', '.5', '1.0000001', '0.0000001', '1e3'],
    ...['1E3', '1e-3', '0x10', '0b1', '0o7', '1_000', '1,000', '1,5', '1 000', ' 1', '1 ', '1\n', '\u00a01', 'NaN'],
    ...[
      'Infinity',
      '-Infinity',
      'null',
      'ten',
      '１００',
      '١٢٣',
      '1\u0000',
      '1.1.1',
      '1..1',
      '$1',
      '1n',
      '9'.repeat(100),
    ],
    ...['9'.repeat(161), (2n ** 256n).toString(), '½', '1/2', '1%', "1'000", '\u202e1', '--1', '1-', '0.'],
  ]
  it('that are no plain decimal above zero, or finer than the token, are named', async () => {
    const { id } = await reserve(parties)
    for (const amount of wrong) {
      const answer = await parties.payee.post(`/vouchers/${id}/redeem-voucher`, asking(amount))
      assertInvalidFields(answer, ['/expectedPayment/amount'], JSON.stringify(amount))
    }
    for (const amount of [1, 0.5, null, true, ['1'], { value: '1' }]) {
      const body = { expectedPayment: { ...asking('1').expectedPayment, amount } }
      const answer = await parties.payee.post(`/vouchers/${id}/redeem-voucher`, body)
      assertInvalidFields(answer, ['/expectedPayment/amount'], JSON.stringify(amount))
    }
  })

  const right = [
    ['0.000001', '1'],
    ['1.10', '1100000'],
    ['100', '100000000'],
    ['12345678901234567890.123456', '12345678901234567890123456'],
  ] as const
  for (const [amount, units] of right) {
    it(`takes ${amount} to the last digit`, async () => {
      const { id } = await reserve(parties)
      const answer = await parties.payee.post(`/vouchers/${id}/redeem-voucher`, asking(amount))
      const voucher = ok(answer) as { expectedPayment?: { amount: string }; payments?: { input: { data: string } }[] }
      assert.equal(voucher.expectedPayment?.amount, amount)
      assert.equal(BigInt(`0x${voucher.payments?.[0]?.input.data.slice(-64)}`).toString(), units)
    })
  }
})

describe('terms that make no sense', () => {
  let parties: Parties
  let path: string
  before(async () => {
    parties = await newParties(server.url)
    path = `/vouchers/${(await reserve(parties)).id}/redeem-voucher`
  })
  const simple = (changed: object) => ({ expectedPayment: { ...asking('1').expectedPayment, ...changed } })
  const EURC = '0x00000000000000000000000000000000000E0000'
  const named: [string, unknown, string][] = [
    ['an unknown currency', simple({ currency: 'DOGE' }), '/expectedPayment/currency'],
    ['an unknown network', simple({ network: 'mars' }), '/expectedPayment/currency'],
    ['an address of another token', simple({ currencyAddress: `0x${'1'.repeat(40)}` }), '/expectedPayment/currency'],
    ['a token as native coin', simple({ currencyAddress: '' }), '/expectedPayment/currency'],
    ['a coin with a token address', simple({ currency: 'COIN' }), '/expectedPayment/currency'],
    ['a wallet that is none', simple({ wallet: { address: '0x12' } }), '/expectedPayment/wallet/address'],
    [
      'a wrong checksum',
      simple({ wallet: { address: PAYER_ADDRESS.replace('C', 'c') } }),
      '/expectedPayment/wallet/address',
    ],
    ['the zero address', simple({ wallet: { address: `0x${'0'.repeat(40)}` } }), '/expectedPayment/wallet/address'],
    ['the token itself as wallet', simple({ wallet: { address: EURC } }), '/expectedPayment/wallet/address'],
    ['no payments', { ...customTerms(), payments: [] }, '/payments'],
    ['networks only', { networks: customTerms().networks }, '/payments'],
    ['payments only', { payments: customTerms().payments }, '/networks'],
    ['no networks', { ...customTerms(), networks: [] }, '/networks'],
    ['four networks', { ...customTerms(), networks: Array(4).fill(customTerms().networks[0]) }, '/networks'],
    ['two payments', { ...customTerms(), payments: Array(2).fill(customTerms().payments[0]) }, '/payments'],
    ['six extras', { ...customTerms(), extras: Array(6).fill(customTerms().extras[0]) }, '/extras'],
    ['another chain id', custom('networks', { chainId: '1' }), '/networks/0/chainId'],
    ['another type', custom('networks', { type: 'solana' }), '/networks/0/type'],
    ['an unknown custom network', custom('networks', { network: 'mars' }), '/networks/0/network'],
    ['a payment that only calls', custom('payments', { type: 'call_transaction' }), '/payments/0/type'],
    ['another payer', customInput({ from: '0x1234' }), '/payments/0/input/from'],
    ['a contract that is none', customInput({ to: '0x12' }), '/payments/0/input/to'],
    ['a hex value', customInput({ value: '0x1' }), '/payments/0/input/value'],
    ['a negative value', customInput({ value: '-1' }), '/payments/0/input/value'],
    ['too large a value', customInput({ value: (2n ** 256n).toString() }), '/payments/0/input/value'],
    ['odd data', customInput({ data: '0x123' }), '/payments/0/input/data'],
    ['data without 0x', customInput({ data: '1234' }), '/payments/0/input/data'],
    ['an empty order id', { ...asking('1'), orderId: '' }, '/orderId'],
    ['a long order id', { ...asking('1'), orderId: 'x'.repeat(129) }, '/orderId'],
  ]
  for (const [name, body, field] of named) {
    it(`such as ${name}: ${field} is named`, async () => {
      assertInvalidFields(await parties.payee.post(path, body), [field])
    })
  }

  it('such as both kinds at once, or neither', async () => {
    assertProblem(await parties.payee.post(path, { ...asking('1'), ...customTerms() }), 'validation_failed')
    assertProblem(await parties.payee.post(path, { ...asking('1'), extras: [] }), 'validation_failed')
    assertProblem(await parties.payee.post(path, {}), 'validation_failed')
    assertProblem(await parties.payee.post(path, { orderId: 'order 1' }), 'validation_failed')
  })

  it('leave the voucher as it was', async () => {
    ok(await parties.payee.post(path, { ...asking('1'), unknownField: { is: 'ignored' } }))
  })

  function custom(key: 'networks' | 'payments', changed: object) {
    const terms = customTerms()
    return { ...terms, [key]: [{ ...terms[key][0], ...changed }] }
  }
  function customInput(changed: object) {
    return custom('payments', { input: { ...customTerms().payments[0]?.input, ...changed } })
  }
})

describe('bad queries and paths', () => {
  let parties: Parties
  before(async () => {
    parties = await newParties(server.url)
    await reserve(parties)
  })

  const lists = ['/vouchers', '/vouchers/sessions', '/vouchers/contexts', '/finance/networks', '/finance/currencies']
  const wrongNumbers = [
    '-1',
    '1.5',
    '1e2',
    '0x10',
    'true',
    'null',
    'NaN',
    '',
    '%20',
    '1%20',
    '+1',
    '１',
    '9'.repeat(400),
  ]
  const sliced = (name: string) => (name === 'since' || name === 'until' ? lists.slice(0, 3) : lists)
  for (const name of ['limit', 'offset', 'since', 'until']) {
    it(`such as ${name} that is no whole number in its range, or comes twice`, async () => {
      const values = [...wrongNumbers, ...(name === 'limit' ? ['0', '1001'] : []), '9007199254740993', `1&${name}=2`]
      for (const path of sliced(name)) {
        for (const value of values) {
          const answer = await parties.payer.get(`${path}?${name}=${value}`)
          assertInvalidFields(answer, [`/${name}`], `${path} ${name}=${value}`)
        }
      }
    })
  }

  it('such as filters that cannot be', async () => {
    const long = 'x'.repeat(2000)
    const wrong = { status: ['x', 'reserved', '', 'RESERVED&status=EXPIRED'], orderId: [long, 'a&orderId=b'] }
    for (const [name, values] of Object.entries({ ...wrong, sessionId: [long], code: [long, '1&code=2'] })) {
      for (const value of values) {
        assertInvalidFields(await parties.payer.get(`/vouchers?${name}=${value}`), [`/${name}`], `${name}=${value}`)
      }
    }
    for (const query of ['network=a&network=b', `network=${long}`, 'network=']) {
      assertInvalidFields(await parties.payer.get(`/finance/networks?${query}`), ['/network'], query)
    }
  })

  it('such as an address that is badly encoded or far too long', async () => {
    for (const id of ['%', '%E0%A4%A', '%zz', '%ff%fe', 'x'.repeat(129), 'x'.repeat(5000)]) {
      for (const path of [`/vouchers/${id}`, `/vouchers/contexts/${id}`, `/vouchers/sessions/${id}`]) {
        assertProblem(await parties.payer.get(path), 'validation_failed', path.slice(0, 60))
      }
      assertProblem(await parties.payer.post(`/vouchers/${id}/discard-voucher`), 'validation_failed', id.slice(0, 60))
    }
    for (const id of [
      '%00',
      '%2F..%2F..',
      '..%2f',
      "'%20OR%201=1",
      'vch_',
      '__proto__',
      'constructor',
      '%F0%9F%92%B8',
    ]) {
      assertProblem(await parties.payer.get(`/vouchers/${id}`), 'not_found', id)
    }
  })

  it('such as routes that are not there', async () => {
    for (const path of ['/', '/nope', '/vouchers/a/b/c', '/auth', '/auth/sign-in', '/Vouchers', '/vouchers//x']) {
      assertProblem(await callerOf(server.url).get(path), 'not_found', path)
    }
    assertProblem(await parties.payer.post('/vouchers'), 'not_found')
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND']) {
      const response = await fetch(`${server.url}/api/v1/vouchers`, { method, headers: parties.payer.headers })
      assert.equal(response.status, 404, method)
      assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
    }
  })

  it('such as idempotency keys that are none', async () => {
    for (const key of ['', ' ', 'a b', 'x'.repeat(256), 'é']) {
      const headers = { 'idempotency-key': key }
      const answer = await parties.payee.post('/vouchers/reserve-voucher', { code: parties.context.code }, headers)
      assertProblem(answer, 'validation_failed', key)
    }
  })

  it('takes what stands at the edge of the range', async () => {
    for (const query of ['limit=1', 'limit=1000', 'offset=1000000000', 'since=0', 'until=8640000000000000', 'x=%ff']) {
      ok(await parties.payer.get(`/vouchers?${query}`), query)
      ok(await parties.payer.get(`/vouchers/?${query}`), query)
    }
  })
})

describe('bytes that are no HTTP', () => {
  const junk: [string, string][] = [
    ['noise', '\u0001\u0002\u0003\r\n\r\n'],
    ['no version', 'GET / HTTP/9.9\r\n\r\n'],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n'],
    ['headers that are far too long', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ]
  for (const [name, bytes] of junk) {
    it(`such as ${name} get a problem document`, async () => {
      const [head = '', body = ''] = (await exchange(bytes)).split('\r\n\r\n')
      assert.match(head, /^HTTP\/1\.1 400 /)
      assert.match(head, /content-type: application\/problem\+json/i)
      assert.equal((JSON.parse(body) as { code: string }).code, 'validation_failed')
    })
  }

  function exchange(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let received = ''
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(bytes, 'latin1'))
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text
      })
      socket.on('end', () => resolve(received)).on('error', reject)
    })
  }
})

describe('a body of another shape', () => {
  it('names the address that is no address, each of them', async () => {
    const { payer } = await newParties(server.url)
    const open = (payers: unknown) => payer.post('/vouchers/contexts/context-open', { format: 'numeric', payers })
    const good = { address: token(UNVERIFIED_NETWORK, 'X', '0x0000000000000000000000000000000000000b0b', 1).address }
    assertInvalidFields(await open([]), ['/payers'])
    assertInvalidFields(await open(Array(11).fill(good)), ['/payers'])
    assertInvalidFields(await open([good, { address: 'x' }]), ['/payers/1/address'])
    assertInvalidFields(await open([good, {}, { address: 7 }]), ['/payers/1/address', '/payers/2/address'])
    assertInvalidFields(await payer.post('/vouchers/contexts/context-open', {}), ['/format', '/payers'])
    ok(await open(Array(10).fill(good)))
  })
})
