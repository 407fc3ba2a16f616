import type { VoucherView } from '../../src/protocol/schemas.ts'
import { eventually, receiptsOf, withToken } from '../../test/support/server.ts'
import type { TcpProxy } from '../../test/support/tcp-proxy.ts'
import { judgeShared } from '../judge.ts'
import { Load } from '../load.ts'
import { LOCAL, Market } from '../market.ts'
import { startTwoNodes, urlsOf } from '../node-process.ts'
import type { Scenario } from '../scenario.ts'
import { COMMIT } from '../wire.ts'

const CONFIRMATIONS = 3
const PATIENCE_MS = 40_000

/**
 * The node that watches settlements is held still in the midst of a commit, longer than its lease lasts. Another one takes
 * over and finishes the work. Then the old commit arrives at PostgreSQL after all, and the node wakes.
 */
export const watcherPaused: Scenario = {
  name: 'watcher-paused',
  times: { whole: 3, short: 0 },
  run: async (trial) => {
    const market = await Market.open(trial)
    const networks = [{ name: 'polygon' }, market.network(market.chain.rpcUrl, CONFIRMATIONS)]
    const { nodes, proxies, databaseUrl } = await startTwoNodes(trial, { networks, flags: ['--resolve-wait', '300ms'] })
    const parties = await market.newParties(urlsOf(nodes))
    const load = await Load.start(urlsOf(nodes), trial)
    const broken: string[] = []
    for (let pause = 0; pause < trial.times; pause++) {
      const purchase = await market.ask(parties, trial.random)
      const { id } = purchase.voucher
      load.stories.push({ contextId: parties.context.id, voucherId: id, writes: [] })
      const proof = { transactionHash: await market.send(await market.sign(purchase)) }
      const { body } = await parties.payer.post<VoucherView>(
        `/vouchers/${id}/resolve-voucher`,
        receiptsOf(purchase.voucher, proof),
      )
      if (body.settlement?.status !== 'PENDING') throw new Error(`the payment is not pending: ${JSON.stringify(body)}`)
      const caught = catchWatcher(proxies)
      await market.mine(1)
      const { place, release } = await caught
      const [victim, survivor] = place === 0 ? nodes : nodes.toReversed()
      victim?.pause()
      await market.mine(CONFIRMATIONS)
      const payer = withToken(survivor?.url ?? '', parties.payerToken)
      await eventually(async () => {
        const seen = await payer.get<VoucherView>(`/vouchers/${id}`)
        return seen.body.settlement?.status === 'CONFIRMED'
      }, PATIENCE_MS)
      const reply = await release()
      if (!reply.includes(FENCED)) broken.push(`the commit of a node that had lost its lease got: ${printable(reply)}`)
      victim?.wake()
    }
    const verdict = await judgeShared(databaseUrl, load, market)
    return { ...verdict, tried: trial.times, broken: [...broken, ...verdict.broken] }
  },
}

/** The message of PostgreSQL's refusal, as its protocol writes it. */
const FENCED = 'Mfence\0'

type Caught = {
  /** Which of the proxies it came through. */
  place: number
  /** Lets the commit go on. @returns PostgreSQL's reply */
  release: () => Promise<Buffer>
}

/** Holds back the next commit of a node that watches settlements. */
function catchWatcher(proxies: readonly TcpProxy[]): Promise<Caught> {
  const { promise: caught, resolve } = Promise.withResolvers<Caught>()
  for (const [place, proxy] of proxies.entries()) {
    proxy.choose = (request) => (isWatchersCommit(request) ? 'note' : null)
    proxy.holdsBack = (request) => {
      if (!isWatchersCommit(request)) return null
      for (const each of proxies) each.holdsBack = () => null
      const gate = Promise.withResolvers<void>()
      const noted = proxy.chosenReplies.length
      const release = async () => {
        gate.resolve()
        return eventually(async () => proxy.chosenReplies[noted])
      }
      resolve({ place, release })
      return gate.promise
    }
  }
  return caught
}

function isWatchersCommit(request: Buffer): boolean {
  return request.includes(COMMIT) && request.includes(`"fence":{"name":"watch:${LOCAL}"`)
}

function printable(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll(/[^ -~]+/g, ' ')
}
