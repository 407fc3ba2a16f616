import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { NewSecretView } from '../../src/protocol/schemas.ts'
import { ok } from '../http/problems.ts'
import type { Nodes } from '../support/nodes.ts'
import { twoNodesOnPostgres } from '../support/postgres-nodes.ts'
import { asking, eventually, newContext, newPayer, redeem, withToken } from '../support/server.ts'
import { type Receiver, startReceiver } from './receiver.ts'

describe('the webhooks of two nodes on PostgreSQL', () => {
  let nodes: Nodes
  let receiver: Receiver
  before(async () => {
    nodes = await twoNodesOnPostgres({})
    receiver = await startReceiver()
  })
  after(async () => {
    await nodes.stop()
    await receiver.stop()
  })

  it('come once for each event, in the order of each voucher, while the nodes restart one after the other', async () => {
    const urls = () => nodes.servers.map(({ url }) => url)
    const { token } = await newPayer(urls())
    const caller = () => withToken(urls(), token)
    ok(await caller().post<NewSecretView>('/webhook-endpoints', { url: receiver.url, events: TYPES }))
    const vouchers: string[] = []
    for (let round = 0; round < 3; round++) {
      const scene = await newContext(urls(), caller())
      for (let nth = 0; nth < 10; nth++) {
        const { id } = await redeem(scene, asking('1'))
        ok(await scene.payee.post(`/vouchers/${id}/discard-voucher`))
        vouchers.push(id)
      }
      const next = await nodes.servers[round % 2]?.restart()
      if (next) nodes.servers[round % 2] = next
    }
    await eventually(async () => receiver.received.length >= vouchers.length * TYPES.length, 40_000)
    for (const voucher of vouchers) {
      const ofVoucher = receiver.received.filter(({ event }) => event.data.id === voucher)
      assert.deepEqual(
        ofVoucher.map(({ event }) => event.type),
        TYPES,
      )
    }
  })
})

const TYPES = ['voucher.reserved', 'voucher.redeemed', 'voucher.discarded']
