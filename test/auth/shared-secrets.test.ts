import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { openSharedSecrets, RENEWAL_MS, type SharedSecrets } from '../../src/auth/shared-secrets.ts'
import { createTokens, type TokenHolder, type Tokens } from '../../src/auth/tokens.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const START_MS = Date.UTC(2026, 0, 1)
const USER: TokenHolder = { kind: 'user', accountId: 'usr_019b1' }

/** A server as far as secrets go: its clock may differ from that of others. */
type Node = { secrets: SharedSecrets; tokens: Tokens; store: PostgresStore }

describe('secrets in a database', () => {
  let cluster: TestCluster
  let url: string
  let nowMs: number
  const stores: PostgresStore[] = []

  before(async () => {
    cluster = await startPostgres()
  })
  after(async () => {
    for (const store of stores) await store.close()
    await cluster.stop()
  })
  beforeEach(async () => {
    url = await cluster.createDatabase()
    nowMs = START_MS
  })

  const openStore = async (): Promise<PostgresStore> => {
    const store = await openPostgresStore({ url, poolSize: 3 })
    stores.push(store)
    return store
  }

  const startNode = async (clockAheadMs = 0): Promise<Node> => {
    const store = await openStore()
    const clock = () => nowMs + clockAheadMs
    const secrets = await openSharedSecrets({ keeper: store, clock })
    return { secrets, store, tokens: createTokens({ secrets, clock }) }
  }

  const kidOf = (token: string) => decodeProtectedHeader(token).kid

  it('are made once, whichever of many servers comes first', async () => {
    const keepers = await Promise.all(Array.from({ length: 5 }, openStore))
    const all = await Promise.all(keepers.map((keeper) => openSharedSecrets({ keeper, clock: () => nowMs })))
    const keys = all.map(({ tokenKeys, challengeKey, sealKey }) =>
      [tokenKeys[0].key, challengeKey, sealKey].map((key) => key.toString('hex')),
    )
    assert.equal(new Set(keys[0]).size, 3)
    for (const others of keys) assert.deepEqual(others, keys[0])
  })

  it('let each server verify what another has signed, also one that comes later', async () => {
    const [first, second] = await Promise.all([startNode(), startNode()])
    assert.ok(await second.tokens.verify(await first.tokens.issue(USER)))
    const later = await startNode()
    assert.ok(await first.tokens.verify(await later.tokens.issue(USER)))
  })

  it('rotate while servers run, and no token is refused at any moment', async () => {
    const nodes = [await startNode(), await startNode(), await startNode()]
    const tokens: { token: string; endsAtMs: number }[] = []
    const kids = new Set<string | undefined>()
    const assertAllVerify = async () => {
      for (const node of nodes) {
        const token = await node.tokens.issue(USER)
        kids.add(kidOf(token))
        tokens.push({ token, endsAtMs: nowMs + DAY_MS })
      }
      // As if each server saw each token for the first time: what it has verified before proves nothing.
      for (const { secrets } of nodes) {
        const fresh = createTokens({ secrets, clock: () => nowMs })
        for (const { token, endsAtMs } of tokens) if (nowMs < endsAtMs) assert.ok(await fresh.verify(token))
      }
    }

    nowMs = START_MS + 30 * DAY_MS - 2 * RENEWAL_MS
    for (let turn = 0; turn < 12; turn++) {
      nowMs += RENEWAL_MS
      for (const node of nodes) {
        await node.secrets.renew()
        await assertAllVerify()
      }
    }
    assert.equal(kids.size, 2)
    for (let hour = 0; hour < 30; hour++) {
      nowMs += HOUR_MS
      for (const node of nodes) await node.secrets.renew()
      await assertAllVerify()
    }
    assert.deepEqual(
      nodes.map(({ secrets }) => secrets.tokenKeys.length),
      [1, 1, 1],
    )
  })

  it('get one new key from servers that rotate at once', async () => {
    const nodes = await Promise.all([startNode(), startNode(), startNode()])
    nowMs += 31 * DAY_MS
    await Promise.all(nodes.map(({ secrets }) => secrets.renew()))
    for (const { secrets } of nodes) {
      assert.equal(secrets.tokenKeys.length, 2)
      assert.deepEqual(secrets.tokenKeys, nodes[0]?.secrets.tokenKeys)
    }
  })

  it('are known everywhere before a new key signs', async () => {
    const [rotating, other] = [await startNode(), await startNode()]
    nowMs += 31 * DAY_MS
    const old = kidOf(await rotating.tokens.issue(USER))
    await rotating.secrets.renew()
    nowMs += 2 * RENEWAL_MS
    assert.equal(kidOf(await rotating.tokens.issue(USER)), old)
    await other.secrets.renew()
    nowMs += 2 * RENEWAL_MS
    assert.notEqual(kidOf(await rotating.tokens.issue(USER)), old)
    assert.equal(kidOf(await rotating.tokens.issue(USER)), kidOf(await other.tokens.issue(USER)))
  })

  it('tell a server that missed a rotation of the new key when a token names it', async () => {
    const [rotating, stale] = [await startNode(), await startNode()]
    nowMs += 31 * DAY_MS
    await rotating.secrets.renew()
    nowMs += HOUR_MS
    const token = await rotating.tokens.issue(USER)
    assert.ok(!stale.secrets.tokenKeys.some(({ kid }) => kid === kidOf(token)))
    assert.ok(await stale.tokens.verify(token))
  })

  it('are rotated by a server whose clock is ten minutes ahead without harm to one that is ten minutes behind', async () => {
    const [ahead, behind] = [await startNode(10 * 60_000), await startNode(-10 * 60_000)]
    nowMs += 30 * DAY_MS - 10 * 60_000
    for (let minute = 0; minute < 26 * 60; minute += 5) {
      nowMs += 5 * 60_000
      for (const { secrets } of [ahead, behind]) await secrets.renew()
      const token = await behind.tokens.issue(USER)
      assert.ok(await ahead.tokens.verify(token))
    }
    assert.equal(behind.secrets.tokenKeys[0].kid, ahead.secrets.tokenKeys[0].kid)
  })

  it('cost one look in two seconds, however many tokens name keys that nobody has', async () => {
    const store = await openStore()
    let looks = 0
    const keeper = {
      secretText: () => {
        looks += 1
        return store.secretText()
      },
      putSecretText: store.putSecretText.bind(store),
    }
    const clock = () => nowMs
    const tokens = createTokens({ secrets: await openSharedSecrets({ keeper, clock }), clock })
    const unknown = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'unknown' })).toString('base64url')
    looks = 0
    const verdicts = () => Promise.all(Array.from({ length: 50 }, (_, n) => tokens.verify(`${unknown}.e30.${n}`)))
    assert.deepEqual(new Set(await verdicts()), new Set([null]))
    await verdicts()
    assert.equal(looks, 1)
    nowMs += 2_000
    await verdicts()
    assert.equal(looks, 2)
  })

  it('are refused and left alone when they are nothing that the program knows', async () => {
    const store = await openStore()
    await store.putSecretText(null, '{"version":2}')
    const opening = openSharedSecrets({ keeper: store, clock: () => nowMs })
    await assert.rejects(opening, { name: 'SecretsUnusable' })
    assert.equal(await store.secretText(), '{"version":2}')
  })

  it('stay what they are while the database is away, and tokens of known keys stay good', async () => {
    const { secrets, tokens, store } = await startNode()
    const token = await tokens.issue(USER)
    await store.close()
    await assert.rejects(secrets.renew())
    assert.ok(await tokens.verify(token))
    assert.ok(await tokens.verify(await tokens.issue(USER)))
  })
})
