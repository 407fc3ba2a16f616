import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { after, before, type TestContext, test } from 'node:test'
import {
  ConnectionError,
  createPayee,
  createPayer,
  NotPaidError,
  type Payer,
  ProblemError,
  type SixpenceEvent,
  signIn,
  signUp,
  TimeoutError,
} from '../../src/client/index.ts'
import { asking, eventually, PAYER_ADDRESS, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let payer: Payer
let token: string
before(async () => {
  server = await startTestServer()
  const who = { url: server.url, email: 'payer@example.com', password: 'correct horse battery' }
  await signUp(who)
  token = await signIn(who)
  payer = createPayer({ url: server.url, token })
})
after(() => server.stop())

/** What becomes of a request: it goes through, its answer gets lost, or the door has answered it. */
type Door = (request: IncomingMessage, response: ServerResponse) => 'through' | 'lost' | 'kept'

/** A door before the server, where things can go wrong. Remembers what came. */
async function startDoor(t: TestContext, door: Door) {
  const came: { line: string; key: string; lastEventId: string }[] = []
  const forward: RequestListener = async (request, response) => {
    const { method = '', url, headers } = request
    came.push({
      line: `${method} ${url}`,
      key: String(headers['idempotency-key']),
      lastEventId: String(headers['last-event-id']),
    })
    const fate = door(request, response)
    if (fate === 'kept') return
    const chunks = await request.toArray()
    const leaving = new AbortController()
    response.once('close', () => leaving.abort())
    const { host: _, connection: __, 'content-length': ___, ...kept } = headers
    try {
      const answer = await fetch(`${server.url}${url}`, {
        method,
        headers: kept as Record<string, string>,
        body: method === 'GET' ? null : Buffer.concat(chunks),
        signal: leaving.signal,
      })
      if (fate === 'lost') throw new Error('lost')
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      for await (const chunk of answer.body ?? []) response.write(chunk)
      response.end()
    } catch {
      response.destroy()
    }
  }
  const proxy = createServer(forward).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.after(() => {
    proxy.closeAllConnections()
    proxy.close()
  })
  const address = proxy.address()
  assert.ok(address !== null && typeof address === 'object')
  return { url: `http://127.0.0.1:${address.port}`, came, cut: () => proxy.closeAllConnections() }
}

const openContext = () => payer.openContext({ format: 'alphanum', payers: [{ address: PAYER_ADDRESS }] })

/** A redeemed voucher, and the payee that asks for it. */
async function aVoucher(url = server.url) {
  const payee = createPayee({ url, contextCode: (await openContext()).code })
  const { id } = await payee.reserveVoucher()
  const voucher = await payee.redeemVoucher(id, asking('100'))
  return { payee, voucher, receipts: (voucher.payments ?? []).map((payment) => ({ paymentId: payment.id })) }
}

/** Without retries a call would end at its first failure. */
const failingTimes = (times: number, fail: (response: ServerResponse) => void): Door => {
  let failures = 0
  return (_, response) => {
    if (failures++ >= times) return 'through'
    fail(response)
    return 'kept'
  }
}

test('a payee by code and a payer go from the code to the settlement', async () => {
  const { payee, voucher, receipts } = await aVoucher()
  const settled = payee.waitForSettlement(voucher.id)
  const resolved = await payer.resolveVoucher(voucher.id, receipts)
  assert.equal(resolved.status, 'RESOLVED')
  assert.equal((await settled).settlement.status, 'UNVERIFIED')
  assert.deepEqual(
    (await payee.listVouchers({ status: 'RESOLVED' })).map(({ id }) => id),
    [voucher.id],
  )
})

test('a POST whose answer is lost is sent again with its key, and happens once', async (t) => {
  let lost = 0
  const door = await startDoor(t, (request) => {
    return request.url?.endsWith('/reserve-voucher') && lost++ === 0 ? 'lost' : 'through'
  })
  const payee = createPayee({ url: door.url, contextCode: (await openContext()).code })
  const { id } = await payee.reserveVoucher()
  const tries = door.came.filter(({ line }) => line.endsWith('/reserve-voucher'))
  assert.equal(tries.length, 2)
  assert.equal(tries[0]?.key, tries[1]?.key)
  assert.deepEqual(
    (await payee.listVouchers()).map((voucher) => voucher.id),
    [id],
  )
})

test('what asks for patience is asked again, and other refusals are not', async (t) => {
  const busy = await startDoor(
    t,
    failingTimes(2, (response) => response.writeHead(502, { 'retry-after': '0' }).end('<h1>Bad gateway')),
  )
  await createPayer({ url: busy.url, token }).listContexts()
  assert.equal(busy.came.length, 3)

  const open = await startDoor(t, () => 'through')
  const refused = createPayer({ url: open.url, token }).openContext({ format: 'alphanum', payers: [] })
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ProblemError)
    assert.deepEqual([error.code, error.status, error.errors[0]?.path], ['validation_failed', 400, '/payers'])
    return true
  })
  assert.equal(open.came.length, 1)

  const closed = await startDoor(t, (_, response) => {
    response.writeHead(429, { 'retry-after': '3600' }).end('{}')
    return 'kept'
  })
  await assert.rejects(createPayer({ url: closed.url, token }).listContexts(), { status: 429, retryAfterMs: 3_600_000 })
  assert.equal(closed.came.length, 1, 'nobody waits for an hour')
})

test('a key goes to no address but its own', async (t) => {
  const other = await startDoor(t, () => 'through')
  const moved = await startDoor(t, (request, response) => {
    response.writeHead(307, { location: `${other.url}${request.url}` }).end()
    return 'kept'
  })
  const shop = createPayee({ url: moved.url, apiKey: 'secret' })
  await assert.rejects(shop.listVouchers(), { code: 'unexpected', status: 307, detail: /redirects/ })
  await assert.rejects(shop.events().next(), { code: 'unexpected', status: 307 })
  assert.deepEqual([moved.came.length, other.came.length], [2, 0])
})

test('what could never be sent is refused at once', async (t) => {
  const door = await startDoor(t, () => 'through')
  const { url } = door
  for (const wrong of ['', 'pay.example.com', 'localhost:4040', 'http://']) {
    assert.throws(() => createPayee({ url: wrong, apiKey: 'key' }), TypeError)
  }
  assert.throws(() => createPayee({ url, apiKey: 'a key\nand another' }), TypeError)
  assert.throws(() => createPayer({ url, token: 'nö – no' }), TypeError)
  const watching = createPayer({ url, token })
  for (const id of ['', '.', '..']) assert.throws(() => watching.getVoucher(id), TypeError)
  const options = { idempotencyKey: 'Bestellung №1' }
  await assert.rejects(watching.discardVoucher('vch_1', options), TypeError)
  await assert.rejects(watching.getVoucher('../contexts?limit=1'), { code: 'not_found' })
  assert.equal(door.came.length, 1)
})

/** Where a name of the document is not the SDK's. */
const OTHER_NAMES: Record<string, string> = {
  convertCurrency: 'convert',
  readSessionPayments: 'getSessionPayments',
  subscribe: 'events',
}

/** What has a better door: signing in, the settlement of a voucher, waiting for who was invited. */
const NOT_IN_THE_SDK = ['findContext', 'getChallenge', 'initInterop', 'getInteropInfo', 'getReference']

test('every route has its function', async () => {
  const reference = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, object>
  }
  const sdk = { signIn, signUp, ...payer, ...createPayee({ url: server.url, apiKey: 'any' }) }
  const missing: string[] = []
  for (const [path, methods] of Object.entries(reference.paths)) {
    for (const { operationId } of Object.values(methods) as { operationId: string }[]) {
      if (!path.startsWith('/widgets/') && !((OTHER_NAMES[operationId] ?? operationId) in sdk))
        missing.push(operationId)
    }
  }
  assert.deepEqual(missing.sort(), NOT_IN_THE_SDK.sort())
})

test('an error of the program itself is none of the connection, and is not tried again', async (t) => {
  const door = await startDoor(t, () => 'through')
  const own = new TypeError('Promise.withResolvers is not a function')
  const onServerTime = () => {
    throw own
  }
  await assert.rejects(createPayer({ url: door.url, token, onServerTime }).listContexts(), (error) => error === own)
  assert.equal(door.came.length, 1)
})

test('PATCH and DELETE are tried once', async (t) => {
  const door = await startDoor(t, (_, response) => {
    response.destroy()
    return 'kept'
  })
  const shop = createPayee({ url: door.url, apiKey: 'any' })
  await assert.rejects(shop.updateWebhookEndpoint('wh_1', { description: '' }), ConnectionError)
  await assert.rejects(shop.deleteWebhookEndpoint('wh_1'), ConnectionError)
  assert.deepEqual(
    door.came.map(({ line }) => line),
    ['PATCH /api/v1/webhook-endpoints/wh_1', 'DELETE /api/v1/webhook-endpoints/wh_1'],
  )
})

test('an abort ends the pause before a repetition, and a limit ends a try that hangs', async (t) => {
  const door = await startDoor(t, (_, response) => {
    response.writeHead(503, { 'retry-after': '25' }).end()
    return 'kept'
  })
  const leaving = new AbortController()
  const waiting = createPayer({ url: door.url, token }).listContexts({}, { signal: leaving.signal })
  await eventually(async () => door.came.length > 0)
  leaving.abort(new Error('enough'))
  await assert.rejects(waiting, { message: 'enough' })

  const silent = await startDoor(t, () => 'kept')
  const hanging = createPayer({ url: silent.url, token, timeoutMs: 50, retries: 1 }).listContexts()
  await assert.rejects(hanging, TimeoutError)
  assert.equal(silent.came.length, 2)
})

test('events go on where the stream broke: none is missed, none comes twice', async (t) => {
  const door = await startDoor(t, () => 'through')
  const watching = createPayer({ url: door.url, token })
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  const seen: SixpenceEvent[] = []
  const states: boolean[] = []
  const onState = (isOpen: boolean) => states.at(-1) !== isOpen && states.push(isOpen)
  const reading = (async () => {
    for await (const event of watching.events({ signal: leaving.signal, onState })) seen.push(event)
  })()
  await eventually(async () => door.came.some(({ line }) => line === 'GET /api/v1/events'))
  const first = await eventually(async () => {
    await openContext()
    return seen[0]
  })
  door.cut()
  const { id: missed } = await openContext()
  await eventually(async () => seen.some(({ data }) => data.id === missed))
  const { id: last } = await openContext()
  await eventually(async () => seen.some(({ data }) => data.id === last))
  leaving.abort()
  await reading
  assert.deepEqual(states, [true, false, true])
  const opened = await payer.listContexts()
  const since = opened.slice(0, opened.findIndex(({ id }) => id === first.data.id) + 1).reverse()
  assert.deepEqual(
    seen.map(({ data }) => data.id),
    since.map(({ id }) => id),
  )
  assert.equal(first.type, 'context.opened')

  const resumed = watching.events({ after: first.position })
  assert.equal((await resumed.next()).value?.id, seen[1]?.id)
  await resumed.return()
})

test('a stream that falls silent is opened again, and one that is refused says why', async (t) => {
  const door = await startDoor(t, (request, response) => {
    if (!request.url?.endsWith('/events')) return 'through'
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 1\n\n')
    return 'kept'
  })
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  const silent = createPayer({ url: door.url, token }).events({ silenceMs: 100, signal: leaving.signal })
  const next = silent.next()
  await eventually(async () => door.came.some(({ lastEventId }) => lastEventId === '1'))
  leaving.abort()
  assert.equal((await next).done, true)
  await assert.rejects(createPayer({ url: server.url, token: 'wrong' }).events().next(), { code: 'unauthorized' })
})

test('waiting does without the stream', async (t) => {
  const door = await startDoor(t, (request, response) => {
    if (!request.url?.endsWith('/events')) return 'through'
    response.writeHead(404).end()
    return 'kept'
  })
  const { payee, voucher, receipts } = await aVoucher(door.url)
  const look = `GET /api/v1/vouchers/${voucher.id}`
  const resolved = payee.waitForResolved(voucher.id)
  await eventually(async () => door.came.some(({ line }) => line === look))
  await payer.resolveVoucher(voucher.id, receipts)
  assert.equal((await resolved).status, 'RESOLVED')
  assert.equal(
    door.came.filter(({ line }) => line.endsWith('/events')).length,
    1,
    'what was refused is not asked again',
  )
})

test('waiting and listening outlive a restart of the server', async (t) => {
  const door = await startDoor(t, () => 'through')
  const { payee, voucher, receipts } = await aVoucher(door.url)
  const leaving = new AbortController()
  t.after(() => leaving.abort())
  const seen: string[] = []
  const reading = (async () => {
    for await (const { type } of payee.events({ signal: leaving.signal })) seen.push(type)
  })()
  const resolved = payee.waitForResolved(voucher.id)
  await eventually(async () => {
    await payee.reserveVoucher()
    return seen.length > 0
  })
  server = await server.restart()
  payer = createPayer({ url: server.url, token })
  await payer.resolveVoucher(voucher.id, receipts)
  assert.equal((await resolved).status, 'RESOLVED')
  await eventually(async () => seen.includes('voucher.resolved'))
  leaving.abort()
  await reading
  assert.deepEqual(new Set(seen), new Set(['voucher.reserved', 'voucher.resolved']))
  assert.equal(seen.filter((type) => type === 'voucher.resolved').length, 1)
})

test('waiting ends when nothing will come, with its limit, and with its signal', async () => {
  const { payee, voucher } = await aVoucher()
  await assert.rejects(payee.waitForResolved(voucher.id, { timeoutMs: 30 }), TimeoutError)
  await assert.rejects(payee.waitForResolved(voucher.id, { signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' })
  const waiting = payee.waitForSettlement(voucher.id)
  await payer.discardVoucher(voucher.id)
  await assert.rejects(waiting, (error) => error instanceof NotPaidError && error.voucher.status === 'DISCARDED')
})

test('a payee by code signs in once, and says so when the code is wrong', async (t) => {
  const door = await startDoor(t, () => 'through')
  const payee = createPayee({ url: door.url, contextCode: (await openContext()).code })
  await Promise.all([payee.reserveVoucher(), payee.reserveVoucher()])
  assert.equal(door.came.filter(({ line }) => line.endsWith('/sign-in')).length, 1)
  assert.equal((await payee.listVouchers()).length, 2)
  await assert.rejects(createPayee({ url: server.url, contextCode: '000000' }).reserveVoucher(), {
    code: 'invalid_credentials',
  })
})
