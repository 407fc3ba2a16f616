import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { encodeFunctionData, erc20Abi, type Hex } from 'viem'
import type { ReservedView, VoucherView } from '../src/protocol/schemas.ts'
import { devAccount } from '../test/support/anvil.ts'
import { CURRENCIES, type ExchangeChain, startExchange } from '../test/support/exchange.ts'
import { type Comparison, comparison } from './compare.ts'
import { urlOf } from './network.ts'
import type { Part } from './part.ts'
import type { LoadResult } from './parts/load.ts'
import type { ReplayPart } from './parts/replay.ts'
import type { SubjectPart } from './parts/subject.ts'
import { postRequest } from './requests.ts'
import { type Running, SERVER_FLAGS } from './running.ts'
import type { Size } from './size.ts'

/** What a payer does, on a real chain with a real exchange, beside the JSON-RPC calls that it takes, made bare. */
export type Paid = { negotiate: Comparison; resolve: Comparison }

const CONCURRENCY = 16
const PAYER = devAccount(2).address
const SHOP = devAccount(3).address
const { EURC, USDC } = CURRENCIES

export async function measurePaid(running: Running, { paid }: Size): Promise<Paid> {
  const chain = await startExchange()
  const replay = running.start<ReplayPart>('replay')
  try {
    const calls = await recordCalls(running, chain)
    const shop = await openShop(running, chain.rpcUrl, 'paid')
    const negotiate = await beside(replay, chain, calls.negotiate, shop, paid, negotiations)
    const resolve = await beside(replay, chain, calls.resolve, shop, paid, resolutions)
    await shop.part.stop()
    return { negotiate, resolve }
  } finally {
    await replay.stop()
    await chain.stop()
  }
}

/** A server, and the tokens of a payee and a payer there. */
type Shop = { part: Part<SubjectPart>; url: string; payee: string; payer: string; contextCode: string }

async function openShop(running: Running, rpcUrl: string, name: string): Promise<Shop> {
  const part = running.start<SubjectPart>('subject', SERVER_FLAGS)
  const place = { dataDir: running.directory(name), databaseUrl: null, rpcUrl, isSandbox: true }
  const { url, caller, payerToken } = await part.ask('start', place)
  return { part, url, payee: caller.token, payer: payerToken, contextCode: caller.contextCode }
}

/** Makes requests that each do the work once, as whole HTTP/1.1 requests. */
type MakeWork = (shop: Shop, chain: ExchangeChain, count: number) => Promise<string[]>

const negotiations: MakeWork = async (shop, _chain, count) => {
  const vouchers = await redeemed(shop, count)
  const suppliedPayment = { currency: USDC.symbol, currencyAddress: USDC.address, wallet: { address: PAYER } }
  return vouchers.map(({ id }) =>
    postRequest(`/api/v1/vouchers/${id}/negotiate-voucher`, shop.payer, JSON.stringify({ suppliedPayment })),
  )
}

/** The money has moved, and lies in blocks: what is left is to prove it. */
const resolutions: MakeWork = async (shop, { client }, count) => {
  const vouchers = await redeemed(shop, count)
  await client.setAutomine(false)
  const requests: string[] = []
  for (const { id, payments = [], expectedPayment } of vouchers) {
    const units = BigInt((expectedPayment?.amount ?? '').replace('.', ''))
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [SHOP, units] })
    const hash = await client.sendUnsignedTransaction({ from: PAYER, to: EURC.address as Hex, data, gas: 100_000n })
    const receipts = payments.map((payment) => ({ paymentId: payment.id, transactionHash: hash }))
    requests.push(postRequest(`/api/v1/vouchers/${id}/resolve-voucher`, shop.payer, JSON.stringify({ receipts })))
  }
  await client.mine({ blocks: Math.ceil(count / 100) + 1 })
  await client.setAutomine(true)
  return requests
}

async function redeemed(shop: Shop, count: number): Promise<VoucherView[]> {
  const vouchers: VoucherView[] = []
  for (let index = 0; index < count; index++) {
    const { id } = await post<ReservedView>(shop, '/vouchers/reserve-voucher', { code: shop.contextCode })
    const currency = { network: EURC.network, currency: EURC.symbol, currencyAddress: EURC.address }
    const amount = `${1 + Math.trunc(index / 100)}.${String(index % 100).padStart(2, '0')}0000`
    const expectedPayment = { ...currency, amount, wallet: { address: SHOP } }
    vouchers.push(await post<VoucherView>(shop, `/vouchers/${id}/redeem-voucher`, { expectedPayment }))
  }
  return vouchers
}

async function post<Body>({ url, payee }: Shop, path: string, body: unknown): Promise<Body> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${payee}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
  return (await response.json()) as Body
}

/** Server and bare calls take turns, round by round; figures are medians. The first round warms both up. */
async function beside(
  replay: Part<ReplayPart>,
  chain: ExchangeChain,
  calls: string[],
  shop: Shop,
  { rounds, count }: Size['paid'],
  makeWork: MakeWork,
): Promise<Comparison> {
  const results: { subject: LoadResult[]; floor: LoadResult[] } = { subject: [], floor: [] }
  const bare = Array.from({ length: count }, () => calls)
  for (let round = 0; round <= rounds; round++) {
    const units = (await makeWork(shop, chain, count)).map((request) => [request])
    const sides = [
      { side: 'subject', url: shop.url, units },
      { side: 'floor', url: chain.rpcUrl, units: bare },
    ] as const
    for (const { side, ...load } of round % 2 === 0 ? sides : sides.toReversed()) {
      const result = await replay.ask('replay', { ...load, concurrency: CONCURRENCY })
      if (round > 0) results[side].push(result)
    }
  }
  return comparison(results.subject, results.floor)
}

const RECORDED = 5

/** What a server asks its node for one unit of work, as whole HTTP/1.1 requests. */
async function recordCalls(
  running: Running,
  chain: ExchangeChain,
): Promise<{ negotiate: string[]; resolve: string[] }> {
  const tap = await openTap(chain.rpcUrl)
  const shop = await openShop(running, tap.url, 'recorded')
  const record = async (makeWork: MakeWork): Promise<string[]> => {
    const recordings: string[][] = []
    const replay = running.start<ReplayPart>('replay')
    for (const request of await makeWork(shop, chain, RECORDED)) {
      tap.taken.length = 0
      await replay.ask('replay', { url: shop.url, units: [[request]], concurrency: 1 })
      recordings.push(tap.taken.map((body) => postRequest('/', null, body)))
    }
    await replay.stop()
    // The longer ones hold what the server asks now and then, such as for a new head.
    return recordings.reduce((one, other) => (other.length < one.length ? other : one))
  }
  const calls = { negotiate: await record(negotiations), resolve: await record(resolutions) }
  await shop.part.stop()
  tap.close()
  return calls
}

/** Hands requests on to the node, and keeps them. */
async function openTap(rpcUrl: string): Promise<{ url: string; taken: string[]; close: () => void }> {
  const taken: string[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    taken.push(body)
    const answer = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    response.setHeader('content-type', 'application/json').end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: urlOf(server.address()), taken, close: () => void server.close().closeAllConnections() }
}
