import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import type { ReservedView, VoucherView } from '../../src/protocol/schemas.ts'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { eventLog } from '../../test/support/event-log.ts'
import {
  type Answer,
  asking,
  callerOf,
  createClock,
  newParties,
  type Parties,
  receiptsOf,
  type TestCaller,
} from '../../test/support/server.ts'
import type { Random } from '../random.ts'
import { codesHadOneHolder, vouchersHaveOneEnd } from '../rules.ts'
import type { Outcome, Scenario, Trial } from '../scenario.ts'
import { startTwoServers } from '../two-servers.ts'

const SKEWS_MS = [600_000, -600_000]
const CALLERS = 8
const CHALLENGES_A_MINUTE = 120
const WINDOW_SECONDS = 60

/** One node's clock is ten minutes ahead, then ten minutes behind. */
export const clockSkewed: Scenario = {
  name: 'clock-skewed',
  times: { whole: 240, short: 0 },
  run: async (trial) => {
    const outcomes: Outcome[] = []
    for (const skewMs of SKEWS_MS) outcomes.push(await playSkewed(trial, skewMs))
    return {
      tried: outcomes.reduce((sum, { tried }) => sum + tried, 0),
      broken: outcomes.flatMap(({ broken }) => broken),
      remark: outcomes.map(({ remark }) => remark).join('; '),
    }
  },
}

type Scene = { urls: readonly string[]; random: Random; parties: readonly Parties[]; ends: Map<string, string[]> }

async function playSkewed(trial: Trial, skewMs: number): Promise<Outcome> {
  const skewed = createClock()
  skewed.advance(skewMs)
  const options = { rateLimits: 'standard' } as const
  const { urls, databaseUrl } = await startTwoServers(trial, options, [createClock(), skewed])
  const parties = [await newParties(urls[0]), await newParties(urls[1])]
  const scene: Scene = { urls, random: trial.random, parties, ends: new Map() }
  const broken: string[] = []
  let tried = 0
  const caller = async () => {
    while (tried < trial.times / SKEWS_MS.length) {
      tried += 1
      broken.push(...(await play(scene)))
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  broken.push(...(await judge(databaseUrl, scene)), ...(await judgeLeases(databaseUrl)), ...(await judgeLimits(urls)))
  return { tried, broken, remark: `${scene.ends.size} came to an acknowledged end at ${skewMs / 1000} s` }
}

/** One voucher, whose two ends race at two nodes. What a clock forbids is refused, and nothing fails. */
async function play({ urls, random, parties, ends }: Scene): Promise<string[]> {
  const { payer, payee, context } = random.pick(parties)
  const at = ({ headers }: TestCaller) => callerOf(random.pick(urls), headers)
  const answers: Answer<object>[] = []
  const noted = async <Body extends object>(asking: Promise<Answer<Body>>) => {
    const answer = await asking
    answers.push(answer)
    return answer
  }
  const reserved = await noted(at(payee).post<ReservedView>('/vouchers/reserve-voucher', { code: context.code }))
  const path = `/vouchers/${reserved.body.id}`
  const redeemed = await noted(at(payee).post<VoucherView>(`${path}/redeem-voucher`, asking('1')))
  const racing = await Promise.all([
    noted(at(payer).post<VoucherView>(`${path}/resolve-voucher`, receiptsOf(redeemed.body))),
    noted(at(payee).post<VoucherView>(`${path}/discard-voucher`)),
  ])
  const won = racing.filter(({ status }) => status === 200).map(({ body }) => body.status)
  if (won.length > 0) ends.set(reserved.body.id, won)
  const failed = answers.filter(({ status }) => status >= 500)
  return failed.map(({ status, body }) => `a call failed with ${status}: ${body.detail}`)
}

/** The end that was acknowledged is the end. */
async function judge(databaseUrl: string, { ends }: Scene): Promise<string[]> {
  const store = await openPostgresStore({ url: databaseUrl })
  try {
    const log = await eventLog({ app: { store } })
    const broken = [...(await vouchersHaveOneEnd(store, log)), ...codesHadOneHolder(log)]
    for (const [id, acknowledged] of ends) {
      const voucher = await store.voucher(id)
      const isSo = acknowledged.length === 1 && acknowledged[0] === voucher?.status
      if (!isSo) broken.push(`${id} was acknowledged as ${acknowledged.join(' and ')} and is ${voucher?.status}`)
    }
    return broken
  } finally {
    await store.close()
  }
}

/** No node holds a lease for longer than leases live, whatever its clock says. */
async function judgeLeases(databaseUrl: string): Promise<string[]> {
  const sql = new Client({ connectionString: databaseUrl })
  await sql.connect()
  try {
    const text = `SELECT name FROM sixpence.leases WHERE ends_at > clock_timestamp() + interval '11 seconds'`
    const { rows } = await sql.query<{ name: string }>(text)
    return rows.map(({ name }) => `the lease ${name} is held too long`)
  } finally {
    await sql.end()
  }
}

/** Longer than nodes take to tell each other what they counted. */
const EXCHANGE_MS = 1_000

/**
 * Nodes count callers together: an address that has used up its minute at one is soon refused by all, and for a minute at
 * most. A new minute may begin meanwhile, but not twice.
 */
async function judgeLimits(urls: readonly string[]): Promise<string[]> {
  const first = await useUp(urls)
  const second = first.length === 0 ? [] : await useUp(urls)
  return first.length > 0 && second.length > 0 ? second : []
}

async function useUp(urls: readonly string[]): Promise<string[]> {
  const strangers = callerOf(urls)
  const ask = async (calls: number) => {
    const answers: Answer[] = []
    for (let call = 0; call < calls; call++) answers.push(await strangers.get('/auth/get-challenge'))
    return answers
  }
  const burst = await ask(CHALLENGES_A_MINUTE * urls.length)
  await delay(EXCHANGE_MS)
  const afterwards = await ask(CALLERS)
  const given = afterwards.filter(({ status }) => status === 200).length
  const waits = [...burst, ...afterwards].flatMap(({ headers }) => headers.get('retry-after') ?? []).map(Number)
  const broken = given === 0 ? [] : [`${given} challenges were given to an address that had used up its minute`]
  if (waits.some((seconds) => seconds < 1 || seconds > WINDOW_SECONDS)) {
    broken.push(`callers are told to wait for ${Math.max(...waits)} s`)
  }
  return broken
}
