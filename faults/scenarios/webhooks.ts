import { setTimeout as delay } from 'node:timers/promises'
import type { WebhookDeliveryView } from '../../src/protocol/schemas.ts'
import { eventLog } from '../../test/support/event-log.ts'
import { asking, createClock, eventually, newContext, newPayer, redeem, type Scene } from '../../test/support/server.ts'
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
    const trap = await receiverOf(trial)
    const good = [await receiverOf(trial), await receiverOf(trial)]
    const bad = new Map<string, Receiver>()
    for (const name of Object.keys(MISDEEDS)) bad.set(name, await receiverOf(trial))
    for (const [name, receiver] of bad) receiver.answer = MISDEEDS[name]?.(trap.url) ?? 200
    const receivers = [...good, ...bad.values()]
    const clock = createClock()
    const webhookAllow = receivers.map(({ url }) => new URL(url).host)
    const { servers, urls } = await startTwoServers(trial, { webhookAllow }, [clock, clock])
    const { caller, accountId } = await newPayer(urls)
    for (const { url } of trial.random.shuffled(receivers)) await caller.post('/webhook-endpoints', { url })
    const refusal = await caller.post('/webhook-endpoints', { url: trap.url })

    const broken = refusal.status === 400 ? [] : [`an endpoint inside was taken with ${refusal.status}`]
    const scene = await newContext(urls, caller)
    for (let voucher = 0; voucher < trial.times; voucher++) await play(trial, scene)
    const log = await eventLog(servers[0])
    const wanted = log.filter(({ payerId }) => payerId === accountId).map(({ id }) => id)
    broken.push(...(await Promise.all(good.map((each) => delivered(each, wanted, 'one that behaves')))).flat())
    for (const receiver of bad.values()) receiver.answer = 200
    const isDone = async () =>
      (await undelivered(caller)).length === 0 && receivers.every((each) => hasAll(each, wanted))
    for (let step = 0; step < MOST_STEPS && !(await isDone()); step++) {
      clock.advance(STEP_MS)
      await delay(STEP_PAUSE_MS)
    }
    for (const [name, receiver] of bad) broken.push(...(await delivered(receiver, wanted, `one that ${name}`, 0)))
    for (const { id, status } of await undelivered(caller)) broken.push(`${id} is ${status} in the end`)
    if (trap.received.length > 0) broken.push(`${trap.received.length} requests went inward`)
    const requests = receivers.reduce((sum, { received }) => sum + received.length, 0)
    return { tried: wanted.length * receivers.length, broken, remark: `${requests} requests` }
  },
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
async function delivered(receiver: Receiver, wanted: string[], who: string, patienceMs = PATIENCE_MS) {
  await eventually(async () => hasAll(receiver, wanted), patienceMs).catch(() => undefined)
  const got = new Set(receiver.received.map(({ event }) => event.id))
  const missing = wanted.filter((id) => !got.has(id)).length
  return missing === 0 ? [] : [`${who} did not hear of ${missing} of ${wanted.length} events`]
}

function hasAll({ received }: Receiver, wanted: readonly string[]): boolean {
  const got = new Set(received.map(({ event }) => event.id))
  return wanted.every((id) => got.has(id))
}

async function undelivered(caller: Scene['payer']): Promise<WebhookDeliveryView[]> {
  const { body } = await caller.get<WebhookDeliveryView[]>('/webhook-deliveries?limit=1000')
  return body.filter(({ status }) => status !== 'DELIVERED')
}
