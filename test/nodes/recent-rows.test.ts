import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { assertProblem, ok } from '../http/problems.ts'
import type { Nodes } from '../support/nodes.ts'
import { twoNodesOnPostgres } from '../support/postgres-nodes.ts'
import { asking, newParties, reserve, withToken } from '../support/server.ts'

describe('a node that has seen a row', () => {
  let nodes: Nodes
  before(async () => {
    nodes = await twoNodesOnPostgres({})
  })
  after(() => nodes.stop())

  /** A payee at one node, and the same payee and its payer at the other. */
  async function newScene() {
    const [here, there] = nodes.servers
    assert.ok(here && there)
    const parties = await newParties(here.url)
    const elsewhere = {
      payer: withToken(there.url, parties.payerToken),
      payee: withToken(there.url, parties.payeeToken),
    }
    return { parties, elsewhere }
  }

  it('reserves nothing in a context that was closed at another node', async () => {
    const { parties, elsewhere } = await newScene()
    await reserve(parties)
    ok(await elsewhere.payer.post(`/vouchers/contexts/${parties.context.id}/context-close`, { payeeId: null }))
    const answer = await parties.payee.post('/vouchers/reserve-voucher', { code: parties.context.code })
    assertProblem(answer, 'invalid_code')
  })

  it('redeems no voucher that was discarded at another node', async () => {
    const { parties, elsewhere } = await newScene()
    const { id } = await reserve(parties)
    ok(await elsewhere.payer.post(`/vouchers/${id}/discard-voucher`))
    const here = await parties.payee.post(`/vouchers/${id}/redeem-voucher`, asking('1'))
    const there = await elsewhere.payee.post(`/vouchers/${id}/redeem-voucher`, asking('1'))
    assert.notEqual(here.status, 200)
    assert.deepEqual(here.body, there.body)
  })

  it('redeems no voucher again that was redeemed at another node, and shows what that made of it', async () => {
    const { parties, elsewhere } = await newScene()
    const { id } = await reserve(parties)
    const redeemed = ok(await elsewhere.payee.post<VoucherView>(`/vouchers/${id}/redeem-voucher`, asking('1')))
    assertProblem(await parties.payee.post(`/vouchers/${id}/redeem-voucher`, asking('2')), 'already_redeemed')
    assert.deepEqual(ok(await parties.payee.get<VoucherView>(`/vouchers/${id}`)), redeemed)
  })

  it('goes on with what has changed at another node but is still good', async () => {
    const { parties, elsewhere } = await newScene()
    await reserve(parties)
    ok(await elsewhere.payee.post('/vouchers/sessions/session-open', { code: parties.context.code }))
    ok(await parties.payee.post('/vouchers/reserve-voucher', { code: parties.context.code }))
  })
})
