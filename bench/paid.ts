import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { encodeFunctionData, erc20Abi, type Hex } from 'viem'
import type { ReservedView, VoucherView } from '../src/protocol/schemas.ts'
import { SANDBOX_CONFIRMATIONS } from '../src/sandbox/facts.ts'
import { devAccount } from '../test/support/anvil.ts'
import { CURRENCIES, type ExchangeChain, startExchange } from '../test/support/exchange.ts'
import { type Comparison, comparison } from './compare.ts'
import { urlOf } from './network.ts'
import type { Part } from './part.ts'
import type { BareCallsPart, JsonRpcCall } from './parts/bare-calls.ts'
import type { ReplayPart } from './parts/replay.ts'
import type { SubjectPart } from './parts/subject.ts'
import { postRequest } from './requests.ts'
import { type Running, SERVER_FLAGS } from './running.ts'
import type { LoadResult } from './side-by-side.ts'
import type { Size } from './size.ts'

/** What a payer does, on a real chain with a real exchange, beside the JSON-RPC calls that it takes, made bare. */
export type Paid = { negotiate: Comparison; resolve: Comparison }

const CONCURRENCY = 16
const WARM_UPS = 2

/** As full as blocks of busy chains are. */
const BLOCK_TRANSACTIONS = 100
const PAYER = devAccount(2).address
const SHOP = devAccount(3).address
const { EURC, USDC } = CURRENCIES

export async function measurePaid(running: Running, { paid }: Size): Promise<Paid> {
  const chain = await startExchange()
  try {
    const calls = await recordCalls(running, chain, paid.count)
    const shop = await openShop(running, chain.rpcUrl, 'paid')
    const sides = {
      subject: running.start<ReplayPart>('replay'),
      floor: running.start<BareCallsPart>('bare-calls', SERVER_FLAGS),
    }
    const negotiate = await beside(sides, chain, calls.negotiate, shop, paid, negotiations)
    const resolve = await beside(sides, chain, calls.resolve, shop, paid, resolutions)
    await Promise.all([shop.part.stop(), sides.subject.stop(), sides.floor.stop()])
    return { negotiate, resolve }
  } finally {
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
  for (const [index, { id, payments = [], expectedPayment }] of vouchers.entries()) {
    const units = BigInt((expectedPayment?.amount ?? '').replace('.', ''))
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [SHOP, units] })
    const hash = await client.sendUnsignedTransaction({ from: PAYER, to: EURC.address as Hex, data, gas: 100_000n })
    if (index % BLOCK_TRANSACTIONS === BLOCK_TRANSACTIONS - 1) await client.mine({ blocks: 1 })
    const receipts = payments.map((payment) => ({ paymentId: payment.id, transactionHash: hash }))
    requests.push(postRequest(`/api/v1/vouchers/${id}/resolve-voucher`, shop.payer, JSON.stringify({ receipts })))
  }
  // Deep enough to settle: what waits for its depth would be looked at again and again meanwhile.
  await client.mine({ blocks: SANDBOX_CONFIRMATIONS })
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

type Sides = { subject: Part<ReplayPart>; floor: Part<BareCallsPart> }

/** Server and bare calls take turns, round by round; figures are medians. The first rounds warm both up. */
async function beside(
  { subject, floor }: Sides,
  chain: ExchangeChain,
  units: JsonRpcCall[][],
  shop: Shop,
  { rounds, count }: Size['paid'],
  makeWork: MakeWork,
): Promise<Comparison> {
  const results: { subject: LoadResult[]; floor: LoadResult[] } = { subject: [], floor: [] }
  for (let round = 0; round < WARM_UPS + rounds; round++) {
    const requests = await makeWork(shop, chain, count)
    const runs = {
      subject: () => subject.ask('replay', { url: shop.url, requests, concurrency: CONCURRENCY }),
      floor: () => floor.ask('run', { rpcUrl: chain.rpcUrl, units, concurrency: CONCURRENCY }),
    }
    for (const side of round % 2 === 0 ? (['subject', 'floor'] as const) : (['floor', 'subject'] as const)) {
      const result = await runs[side]()
      if (round >= WARM_UPS) results[side].push(result)
    }
  }
  return comparison(results.subject, results.floor)
}

/** What a server asks its node for each unit of as much work. */
async function recordCalls(
  running: Running,
  chain: ExchangeChain,
  count: number,
): Promise<{ negotiate: JsonRpcCall[][]; resolve: JsonRpcCall[][] }> {
  const tap = await openTap(chain.rpcUrl)
  const shop = await openShop(running, tap.url, 'recorded')
  const record = async (makeWork: MakeWork): Promise<JsonRpcCall[][]> => {
    const recordings: JsonRpcCall[][] = []
    const replay = running.start<ReplayPart>('replay')
    for (const request of await makeWork(shop, chain, count)) {
      tap.taken.length = 0
      await replay.ask('replay', { url: shop.url, requests: [request], concurrency: 1 })
      recordings.push([...tap.taken])
    }
    await replay.stop()
    // The longer ones also hold what the server asks now and then, such as for a new head.
    const length = Math.min(...recordings.map((recording) => recording.length))
    return recordings.map((recording) => recording.slice(-length))
  }
  const calls = { negotiate: await record(negotiations), resolve: await record(resolutions) }
  await shop.part.stop()
  tap.close()
  return calls
}

/** Hands requests on to the node, and keeps them. */
async function openTap(rpcUrl: string): Promise<{ url: string; taken: JsonRpcCall[]; close: () => void }> {
  const taken: JsonRpcCall[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    taken.push(callIn(body))
    const answer = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    response.setHeader('content-type', 'application/json').end(await answer.text())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: urlOf(server.address()), taken, close: () => void server.close().closeAllConnections() }
}

function callIn(body: string): JsonRpcCall {
  const { method, params } = JSON.parse(body)
  return { method, params }
}
