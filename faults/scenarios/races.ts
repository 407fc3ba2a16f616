import type { VoucherView } from '../../src/protocol/schemas.ts'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { eventLog } from '../../test/support/event-log.ts'
import {
  type Answer,
  asking,
  callerOf,
  newParties,
  type Parties,
  receiptsOf,
  redeem,
  reserve,
  withToken,
} from '../../test/support/server.ts'
import { USDC } from '../load.ts'
import { startTwoNodes, urlsOf } from '../node-process.ts'
import type { Random } from '../random.ts'
import { vouchersHaveOneEnd } from '../rules.ts'
import type { Scenario } from '../scenario.ts'

const CALLERS = 16
/** Races that are run at the same time. */
const AT_ONCE = 4

/** What callers may fight over. Of each race one call wins. */
type Race = (parties: Parties, urls: readonly string[], random: Random) => Promise<Answer<VoucherView>[]>

/** Sixteen callers want the same voucher, half of them at either node. */
export const nodesRacing: Scenario = {
  name: 'nodes-racing',
  times: { whole: 500, short: 0 },
  run: async (trial) => {
    const { nodes, databaseUrl } = await startTwoNodes(trial)
    const urls = urlsOf(nodes)
    const broken: string[] = []
    let tried = 0
    const racer = async (random: Random) => {
      const parties = await newParties(urls)
      while (tried < trial.times) {
        tried += 1
        broken.push(...(await oneWinner(random, parties, urls)))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => racer(trial.random.fork(String(index)))))
    const store = await openPostgresStore({ url: databaseUrl })
    trial.defer(() => store.close())
    broken.push(...(await vouchersHaveOneEnd(store, await eventLog({ app: { store } }))))
    return { tried, broken, remark: `${CALLERS} callers each` }
  },
}

async function oneWinner(random: Random, parties: Parties, urls: readonly string[]): Promise<string[]> {
  const answers = await random.pick(RACES)(parties, urls, random)
  const winners = answers.filter(({ status }) => status === 200)
  const strange = answers.filter(({ status }) => status !== 200 && status !== 400)
  const seen = JSON.stringify(answers.map(({ status, body }) => body.code ?? body.status ?? status))
  const broken = winners.length === 1 ? [] : [`${winners.length} of ${CALLERS} won: ${seen}`]
  if (strange.length > 0) broken.push(`losers got other than the documented errors: ${seen}`)
  const [won] = winners
  if (won === undefined) return broken
  const { body } = await callerOf(urls, parties.payer.headers).get<VoucherView>(`/vouchers/${won.body.id}`)
  if (body.status !== won.body.status || body.version !== won.body.version) {
    broken.push(`${won.body.id} was won as ${won.body.status} and is ${body.status}`)
  }
  return broken
}

const RACES: readonly Race[] = [
  async (parties, urls, random) => {
    const { id } = await reserve(parties)
    const path = `/vouchers/${id}/redeem-voucher`
    return atOnce(urls, random, parties.payeeToken, (index) => [path, asking(String(index + 1), USDC)])
  },
  async (parties, urls, random) => {
    const { id } = await reserve(parties)
    return atOnce(urls, random, parties.payeeToken, () => [`/vouchers/${id}/discard-voucher`, {}])
  },
  async (parties, urls, random) => {
    const voucher = await redeem(parties, asking('1', USDC))
    const resolving = [`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher)] as const
    const discarding = [`/vouchers/${voucher.id}/discard-voucher`, {}] as const
    return atOnce(urls, random, parties.payerToken, (index) => (index % 2 ? resolving : discarding))
  },
]

function atOnce(
  urls: readonly string[],
  random: Random,
  token: string,
  call: (index: number) => readonly [path: string, body: unknown],
): Promise<Answer<VoucherView>[]> {
  const order = random.shuffled(Array.from({ length: CALLERS }, (_, index) => index))
  return Promise.all(
    order.map((index) => {
      const url = urls[Math.floor(index / 2) % urls.length] ?? ''
      return withToken(url, token).post<VoucherView>(...call(index))
    }),
  )
}
