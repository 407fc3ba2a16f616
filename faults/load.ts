import { setTimeout as delay } from 'node:timers/promises'
import type { ReservedView, VoucherView } from '../src/protocol/schemas.ts'
import { asking, eventually, newParties, type Parties, receiptsOf, token } from '../test/support/server.ts'
import { FailoverClient, type Write } from './client.ts'
import type { Random } from './random.ts'
import type { Trial } from './scenario.ts'
import { Subscriber } from './subscriber.ts'

export const USDC = token('polygon', 'USDC', '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359', 6)

const CALLERS = 8
const CONTEXTS = 2
const POLL_MS = 2
const PAUSE_MS = 100
const PATIENCE_MS = 60_000

/** What the servers acknowledged of one voucher. Each write was repeated until there was an answer. */
export type Story = {
  contextId: string
  /** Null until the reservation is acknowledged. */
  voucherId: string | null
  writes: { write: Write; answer: VoucherView | ReservedView }[]
}

/** A write was refused though it was right. */
class Refused extends Error {
  override readonly name = 'Refused'
}

/** Payers and payees that go on whatever happens: each reserves, redeems, and resolves or discards. */
export class Load {
  readonly stories: Story[] = []
  readonly client: FailoverClient
  readonly parties: readonly Parties[]
  /** Both parties of each context. */
  readonly subscribers: readonly Subscriber[]
  /** What callers saw that nobody should see, in words. */
  readonly complaints: string[] = []
  readonly #callers: Promise<void>[] = []
  #stopped = false

  /** Begins while all servers are well, and ends with the trial. */
  static async start(urls: readonly string[], trial: Trial, callers = CALLERS): Promise<Load> {
    const parties: Parties[] = []
    for (let context = 0; context < CONTEXTS; context++) parties.push(await newParties(urls))
    const random = trial.random.fork('load')
    const subscribing = parties.flatMap(({ payer, payee, context }, index) =>
      [payer, payee].map(({ headers }, side) =>
        Subscriber.open(trial, urls, { contextId: context.id, headers }, random.fork(`stream ${index} ${side}`)),
      ),
    )
    const load = new Load({ client: new FailoverClient(urls), parties, subscribers: await Promise.all(subscribing) })
    load.#begin(random, callers)
    trial.defer(() => load.breakOff())
    return load
  }

  private constructor({ client, parties, subscribers }: Pick<Load, 'client' | 'parties' | 'subscribers'>) {
    this.client = client
    this.parties = parties
    this.subscribers = subscribers
  }

  #begin(random: Random, callers: number): void {
    for (let index = 0; index < callers; index++) this.#callers.push(this.#live(random.fork(String(index))))
  }

  /** Waits until so many more writes are acknowledged. */
  async more(writes: number): Promise<void> {
    const wanted = this.client.acknowledged + writes
    await this.#until(() => this.client.acknowledged >= wanted, `${writes} more writes`)
  }

  /** Waits until a server has calls that it has not answered. @returns how many */
  async callsAt(url: string): Promise<number> {
    await this.#until(() => this.client.underWayAt(url) > 0, 'a call under way')
    return this.client.underWayAt(url)
  }

  /** Begins nothing new, and brings to its end what was begun. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#callers)
  }

  /** Gives subscribers time to hear of all that was acknowledged. Whether they did is for the rules to say. */
  async toldAll(): Promise<void> {
    const hasHeard = (subscriber: Subscriber) => {
      const stories = this.stories.filter(({ contextId }) => contextId === subscriber.contextId)
      return subscriber.events.length >= stories.reduce((sum, { writes }) => sum + writes.length, 0)
    }
    await eventually(async () => this.subscribers.every(hasHeard)).catch(() => undefined)
  }

  /** Ends at once, whatever is under way. */
  async breakOff(): Promise<void> {
    this.client.breakOff()
    await this.stop()
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`the load did not get ${what} within ${PATIENCE_MS / 1000} s`)
      await delay(POLL_MS)
    }
  }

  async #live(random: Random): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#play(random)
      } catch (error) {
        this.complaints.push(error instanceof Error ? error.message : String(error))
        await delay(PAUSE_MS)
      }
    }
  }

  async #play(random: Random): Promise<void> {
    const { payeeToken, payerToken, context } = random.pick(this.parties)
    const story: Story = { contextId: context.id, voucherId: null, writes: [] }
    this.stories.push(story)
    const write = <View extends VoucherView | ReservedView>(token: string, verb: string, body: unknown) =>
      this.#write<View>(story, { token, path: `/vouchers/${verb}`, body, key: randomKey(random) }, random.between(0, 1))
    const { id } = await write<ReservedView>(payeeToken, 'reserve-voucher', { code: context.code })
    story.voucherId = id
    const terms = asking(String(random.between(1, 1_000_000)), USDC)
    const redeemed = await write<VoucherView>(payeeToken, `${id}/redeem-voucher`, terms)
    if (random.between(1, 4) === 1) await write(payerToken, `${id}/discard-voucher`, {})
    else await write(payerToken, `${id}/resolve-voucher`, receiptsOf(redeemed))
  }

  async #write<View extends VoucherView | ReservedView>(story: Story, write: Write, first: number): Promise<View> {
    const { status, body } = await this.client.write<View>(write, first)
    if (status !== 200) throw new Refused(`${write.path} was refused with ${status} ${body.code}: ${body.detail}`)
    story.writes.push({ write, answer: body })
    return body
  }
}

function randomKey(random: Random): string {
  return `key-${random.between(0, 2 ** 47)}`
}
