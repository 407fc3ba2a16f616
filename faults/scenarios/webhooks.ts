import { setTimeout as delay } from 'node:timers/promises'
import type { Event } from '../../src/domain/event.ts'
import type { WebhookDeliveryView } from '../../src/protocol/schemas.ts'
import { eventLog } from '../../test/support/event-log.ts'
import {
  asking,
  createClock,
  eventually,
  newContext,
  newPayer,
  redeem,
  type Scene,
  type TestCaller,
  type TestClock,
} from '../../test/support/server.ts'
import { type Receiver, startReceiver } from '../../test/webhooks/receiver.ts'
import type { Scenario, Trial } from '../scenario.ts'
import { startTwoServers } from '../two-servers.ts'

const TEN_MB = Buffer.alloc(10 * 1024 * 1024, 'x')
const PATIENCE_MS = 30_000
/** How far the clock goes on between looks, so that what was put off becomes due. */
const STEP_MS = 5 * 60_000
/** Fewer than would bring the clock to the end of a token's day. */
const MOST_STEPS = 240
const STEP_PAUSE_MS = 200

/** What receivers do to whoever calls. `trapUrl` is on this machine and nobody allowed it. */
const MISDEEDS: Record<string, (trapUrl: string) => Receiver['answer']> = {
  hangs: () => () => undefined,
  fails: () => 500,
  'redirects inward': (trapUrl) => (response) => response.writeHead(307, { location: trapUrl }).end(),
  'answers 10 MB': () => (response) => response.writeHead(500).end(TEN_MB),
}

/** Some receivers misbehave. The others hear of everything meanwhile, and those do once they behave. */
export const webhooksMistreated: Scenario = {
  name: 'webhooks-mistreated',
  times: { whole: 25, short: 0 },
  run: async (trial) => {
    const cast = await openReceivers(trial)
    const { trap, good, bad } = cast
    const receivers = [...good, ...bad.values()]
    const clock = createClock()
    const webhookAllow = receivers.map(({ url }) => new URL(url).host)
    const { servers, urls } = await startTwoServers(trial, { webhookAllow }, [clock, clock])
    const { caller, accountId } = await newPayer(urls)
    for (const { url } of trial.random.shuffled(receivers)) await caller.post('/webhook-endpoints', { url })
    const refusal = await caller.post('/webhook-endpoints', { url: trap.url })
    const scene = await newContext(urls, caller)
    for (let voucher = 0; voucher < trial.times; voucher++) await play(trial, scene)
    const log = await eventLog(servers[0])
    const wanted = log.filter(({ payerId }) => payerId === accountId)

    const broken = refusal.status === 400 ? [] : [`an endpoint inside was taken with ${refusal.status}`]
    broken.push(...(await Promise.all(good.map((each) => delivered(each, wanted, 'one that behaves')))).flat())
    broken.push(...(await makeGood(cast, wanted, caller, clock)))
    if (trap.received.length > 0) broken.push(`${trap.received.length} requests went inward`)
    const requests = receivers.reduce((sum, { received }) => sum + received.length, 0)
    return { tried: wanted.length * receivers.length, broken, remark: `${requests} requests` }
  },
}

type Cast = {
  /** Nobody may be led here. */
  trap: Receiver
  good: Receiver[]
  /** By what they do. */
  bad: Map<string, Receiver>
}

async function openReceivers(trial: Trial): Promise<Cast> {
  const trap = await receiverOf(trial)
  const good = [await receiverOf(trial), await receiverOf(trial)]
  const bad = new Map<string, Receiver>()
  for (const [name, misdeed] of Object.entries(MISDEEDS)) {
    const receiver = await receiverOf(trial)
    receiver.answer = misdeed(trap.url)
    bad.set(name, receiver)
  }
  return { trap, good, bad }
}

/** Lets all behave, and the clock go on until what was put off has come. @returns what did not */
async function makeGood(
  { bad }: Cast,
  wanted: readonly Event[],
  caller: TestCaller,
  clock: TestClock,
): Promise<string[]> {
  for (const receiver of bad.values()) receiver.answer = 200
  const isDone = async () =>
    (await undelivered(caller)).length === 0 && [...bad.values()].every((each) => hasAll(each, wanted))
  for (let step = 0; step < MOST_STEPS && !(await isDone()); step++) {
    clock.advance(STEP_MS)
    await delay(STEP_PAUSE_MS)
  }
  const broken = (await undelivered(caller)).map(({ id, status }) => `${id} is ${status} in the end`)
  for (const [name, receiver] of bad) broken.push(...(await delivered(receiver, wanted, `one that ${name}`, 0)))
  return broken
}

async function receiverOf(trial: Trial): Promise<Receiver> {
  const receiver = await startReceiver()
  trial.defer(receiver.stop)
  return receiver
}

async function play({ random }: Trial, scene: Scene): Promise<void> {
  const { id } = await redeem(scene, asking(String(random.between(1, 1_000))))
  await scene.payee.post(`/vouchers/${id}/discard-voucher`)
}

/** Waits a while for a receiver to hear of everything. @returns what is wrong */
async function delivered(receiver: Receiver, wanted: readonly Event[], who: string, patienceMs = PATIENCE_MS) {
  await eventually(async () => hasAll(receiver, wanted), patienceMs).catch(() => undefined)
  const got = new Set(receiver.received.map(({ event }) => event.id))
  const missing = wanted.filter(({ id }) => !got.has(id)).map(({ type }) => type)
  return missing.length === 0
    ? []
    : [`${who} did not hear of ${missing.length} of ${wanted.length}, the first a ${missing[0]}`]
}

function hasAll({ received }: Receiver, wanted: readonly Event[]): boolean {
  const got = new Set(received.map(({ event }) => event.id))
  return wanted.every(({ id }) => got.has(id))
}

async function undelivered(caller: TestCaller): Promise<WebhookDeliveryView[]> {
  const { body } = await caller.get<WebhookDeliveryView[]>('/webhook-deliveries?limit=1000')
  return body.filter(({ status }) => status !== 'DELIVERED')
}
