import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventLog } from '../support/event-log.ts'
import { readEvents } from '../support/event-reader.ts'
import type { Nodes } from '../support/nodes.ts'
import { twoNodesOnPostgres } from '../support/postgres-nodes.ts'
import { asking, callerOf, eventually, newParties, redeem, reserve, type TestServer } from '../support/server.ts'

describe('the event stream of two nodes on PostgreSQL', () => {
  let nodes: Nodes
  let first: TestServer
  let second: TestServer
  before(async () => {
    nodes = await twoNodesOnPostgres({})
    const [one, other] = nodes.servers
    assert.ok(one && other)
    ;[first, second] = [one, other]
  })
  after(() => nodes.stop())

  it('shows on each node what happens on the other', async () => {
    const parties = await newParties(first.url)
    const here = await readEvents(first.url, parties.payer.headers)
    const there = await readEvents(second.url, parties.payee.headers)
    const voucher = await redeem(parties, asking('1'))
    const { headers } = parties.payee
    await callerOf(second.url, headers).post(`/vouchers/${voucher.id}/discard-voucher`)
    const steps = ['voucher.reserved', 'voucher.redeemed', 'voucher.discarded']
    for (const reader of [here, there]) {
      assert.deepEqual(
        (await reader.received(3)).map(({ type, data }) => [type, data.data.id, data.data.version]),
        steps.map((type, index) => [type, voucher.id, index + 1]),
      )
      reader.close()
    }
  })

  it('shows each event once to a reader that goes from node to node while both write and one restarts', async () => {
    const parties = await newParties(first.url)
    const urls = () => nodes.servers.map(({ url }) => url)
    let { lastEventId } = await readEvents(first.url, parties.payee.headers).then((reader) => {
      reader.close()
      return reader
    })
    const seen: string[] = []
    const visit = async (node: number, isEnough: (count: number) => boolean) => {
      const reader = await readEvents(urls()[node] ?? '', parties.payee.headers, lastEventId)
      await eventually(async () => reader.hasEnded || isEnough(reader.events.length))
      reader.close()
      seen.push(...reader.events.map(({ data }) => data.id))
      lastEventId = reader.events.at(-1)?.id ?? lastEventId
    }

    const hasRestarted = () => nodes.servers[1] !== second
    let isWriting = true
    const write = async () => {
      const payee = callerOf([first.url], parties.payee.headers)
      for (let round = 0; round < 60 || !hasRestarted(); round += 1) await reserve({ ...parties, payee })
    }
    const writing = Promise.all([write(), write(), write()]).then(() => {
      isWriting = false
    })
    for (let node = 0; isWriting; node = 1 - node) {
      await visit(node, (count) => count >= 10 || !isWriting)
      if (seen.length > 40 && !hasRestarted()) {
        nodes.servers[1] = await second.restart()
      }
    }
    await writing
    const expected = (await eventLog(first)).filter(({ subjectId }) => subjectId.startsWith('vch_'))
    const own = expected.filter(({ data }) => data.contextId === parties.context.id).map(({ id }) => id)
    assert.ok(own.length >= 180)
    await visit(1, (count) => seen.length + count >= own.length)
    assert.deepEqual(seen, own)
  })
})
