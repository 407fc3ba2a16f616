import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Readiness, readReadiness } from '../../src/operating/readiness.ts'
import { freePort } from '../support/free-port.ts'
import { callerOf, chainNetwork, eventually, startTestServer, type TestServer } from '../support/server.ts'
import { ok } from './problems.ts'

type Probed = { status: number; body: Partial<Readiness> & { status?: string } }

async function probe(server: TestServer, path: string): Promise<Probed> {
  const response = await fetch(server.url + path)
  const body: Probed['body'] = JSON.parse(await response.text())
  return { status: response.status, body }
}

describe('a server that is asked how it is', () => {
  it('says that it is ready', async () => {
    const server = await startTestServer()
    try {
      assert.deepEqual(await probe(server, '/healthz'), { status: 200, body: { status: 'up' } })
      assert.deepEqual(await probe(server, '/readyz'), {
        status: 200,
        body: { ready: true, notReady: [], phase: 'ready', networks: [] },
      })
    } finally {
      await server.stop()
    }
  })

  it('answers however often it is asked', async () => {
    const server = await startTestServer({ rateLimits: 'documented' })
    try {
      const asked = await Promise.all(Array.from({ length: 150 }, () => probe(server, '/readyz')))
      assert.ok(asked.every(({ status }) => status === 200))
    } finally {
      await server.stop()
    }
  })

  it('is ready without its nodes, and says which are down', async () => {
    const rpcUrls = [`http://127.0.0.1:${await freePort()}`]
    const server = await startTestServer({
      networks: [chainNetwork({ name: 'polygon', chainId: 31337, rpcUrls, currencies: [] })],
    })
    try {
      // The first look may still be under way.
      const { status, body } = await eventually(async () => {
        const found = await probe(server, '/readyz')
        return found.body.networks?.[0]?.why !== undefined && found
      })
      const why = 'polygon: the node cannot be reached or errs'
      assert.deepEqual(
        [status, body.ready, body.networks],
        [200, true, [{ network: 'polygon', up: false, head: null, why }]],
      )
    } finally {
      await server.stop()
    }
  })

  it('is not ready without its store, and lives all the same', async () => {
    const server = await startTestServer()
    try {
      await server.app.store.close()
      const { status, body } = await probe(server, '/readyz')
      assert.deepEqual([status, body.notReady], [503, ['store']])
      assert.equal((await probe(server, '/healthz')).status, 200)
    } finally {
      await server.stop()
    }
  })

  it('is not ready while its store hangs, or before it has started', async () => {
    const parts = { phase: () => 'ready' as const, nodes: () => [] }
    const hangs = { context: () => new Promise<null>(() => undefined) }
    assert.deepEqual((await readReadiness({ ...parts, store: hangs })).notReady, ['store'])
    const store = { context: async () => null }
    const starting = await readReadiness({ ...parts, store, phase: () => 'starting' })
    assert.deepEqual([starting.ready, starting.notReady, starting.phase], [false, ['server'], 'starting'])
  })
})

describe('a server that is told to stop', () => {
  it('says so first, and goes on answering until those who send callers have heard', async () => {
    const server = await startTestServer({ operation: { drainDelayMs: 1500 } })
    const stopped = server.stop()
    const { status, body } = await probe(server, '/readyz')
    assert.deepEqual([status, body.notReady, body.phase], [503, ['server'], 'stopping'])
    assert.equal((await probe(server, '/healthz')).status, 200)
    ok(await callerOf(server.url).get('/finance/networks'))
    await stopped
    await assert.rejects(fetch(`${server.url}/healthz`))
  })

  it('lets a call that waits end before it is gone', async () => {
    const server = await startTestServer()
    const payer = { email: 'a@example.com', password: 'correct horse battery' }
    const answer = callerOf(server.url).post('/auth/sign-up', { type: 'email-password', data: payer })
    const underWay = () => fetch(`${server.url}/metrics`).then((response) => response.text())
    let isOver = false
    const over = answer.then(() => {
      isOver = true
    })
    await eventually(async () => /^sixpence_calls_under_way [2-9]/m.test(await underWay()) || isOver)
    await server.stop()
    await over
    ok(await answer)
  })

  it('keeps no connection while it stops, so that no call comes into its end', async () => {
    const server = await startTestServer({ operation: { drainDelayMs: 1500 } })
    const before = await callerOf(server.url).get('/finance/networks')
    assert.equal(before.headers.get('connection'), 'keep-alive')
    const stopped = server.stop()
    const after = await callerOf(server.url).get('/finance/networks')
    assert.equal(after.headers.get('connection'), 'close')
    await stopped
  })

  it('answers a call whose connection came before the end', async () => {
    const server = await startTestServer()
    const connection = connect(Number(new URL(server.url).port), '127.0.0.1')
    await once(connection, 'connect')
    await probe(server, '/healthz')
    const stopped = server.stop()
    await eventually(() =>
      fetch(server.url).then(
        () => false,
        () => true,
      ),
    )
    connection.write('GET /api/v1/finance/networks HTTP/1.1\r\nHost: sixpence\r\n\r\n')
    const [answer] = await once(connection, 'data')
    assert.match(String(answer), /^HTTP\/1.1 200 /)
    await stopped
  })

  it('does not wait for connections on which nothing was asked', async () => {
    const server = await startTestServer()
    const spare = connect(Number(new URL(server.url).port), '127.0.0.1')
    await once(spare, 'connect')
    await probe(server, '/healthz')
    const stopped = server.stop().then(() => true)
    assert.ok(await Promise.race([stopped, delay(5_000, false, { ref: false })]))
    spare.destroy()
  })
})
