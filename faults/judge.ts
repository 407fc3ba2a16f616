import { openPostgresStore } from '../src/store/postgres.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import { eventLog } from '../test/support/event-log.ts'
import type { Load } from './load.ts'
import type { Market } from './market.ts'
import {
  acknowledgedWritesAreThere,
  eventsWereDelivered,
  keysHadOneEffect,
  paymentsCountOnce,
  vouchersHaveOneEnd,
} from './rules.ts'

/** What was left, held against the rules. */
export type Verdict = { broken: string[]; remark: string }

/**
 * Lets the load come to its end, and holds what the nodes on a database have done against every rule.
 * @param market where some of it was paid
 */
export async function judgeShared(databaseUrl: string, load: Load, market?: Market): Promise<Verdict> {
  await load.stop()
  await load.toldAll()
  const verdict = await judgeWith(await openPostgresStore({ url: databaseUrl }), load, true)
  const miscounts = market === undefined ? [] : await judging(databaseUrl, (store) => paymentsCountOnce(store, market))
  return { ...verdict, broken: [...verdict.broken, ...miscounts] }
}

/** Holds what the nodes on a database have made of payments against the rules, and against the chain. */
export function judgeMarket(databaseUrl: string, market: Market): Promise<string[]> {
  return judging(databaseUrl, async (store) => {
    const log = await eventLog({ app: { store } })
    return [...(await vouchersHaveOneEnd(store, log)), ...(await paymentsCountOnce(store, market))]
  })
}

async function judging<T>(databaseUrl: string, judge: (store: Store) => Promise<T>): Promise<T> {
  const store = await openPostgresStore({ url: databaseUrl })
  try {
    return await judge(store)
  } finally {
    await store.close()
  }
}

/**
 * The same for an embedded store, which nobody else can read while it is served.
 * @param end ends the server, once the rules need it no more
 */
export async function judgeEmbedded(dataDir: string, load: Load, end: () => Promise<void>): Promise<Verdict> {
  await load.stop()
  await load.toldAll()
  const repeated = await keysHadOneEffect([], load.stories, load.client)
  await end()
  const verdict = await judgeWith(await openSqliteStore({ dataDir }), load, false)
  return { ...verdict, broken: [...repeated, ...verdict.broken] }
}

async function judgeWith(store: Store, load: Load, isServed: boolean): Promise<Verdict> {
  const { stories, client, complaints } = load
  try {
    const log = await eventLog({ app: { store } })
    const broken = [
      ...complaints,
      ...(await acknowledgedWritesAreThere(store, stories)),
      ...(await vouchersHaveOneEnd(store, log)),
      ...(await keysHadOneEffect(log, stories, isServed ? client : null)),
      ...eventsWereDelivered(log, load.subscribers),
    ]
    const streamed = load.subscribers.reduce((sum, { events }) => sum + events.length, 0)
    const remark = `${stories.length} vouchers, ${client.unanswered} calls repeated, ${streamed} events streamed`
    return { broken, remark }
  } finally {
    await store.close()
  }
}
