import { setTimeout as delay } from 'node:timers/promises'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { type Fault, type FaultyNode, type RpcQuestion, startFaultyNode } from '../../test/chains/faulty-node.ts'
import {
  type Answer,
  chainNetwork,
  eventually,
  type Parties,
  receiptsOf,
  withToken,
} from '../../test/support/server.ts'
import { judgeMarket } from '../judge.ts'
import { LOCAL, Market, type Purchase } from '../market.ts'
import type { Random } from '../random.ts'
import type { Scenario, Trial } from '../scenario.ts'
import { startTwoServers } from '../two-servers.ts'

const CONFIRMATIONS = 2
const MAX_HEAD_AGE_MS = 3_000
/** Chain time must not run ahead of the clock, and a block is at least a second younger than the one before it. */
const BLOCK_EVERY_MS = 1_100
const PATIENCE_MS = 60_000
/** Of each trouble; every other one has not been paid. */
const PURCHASES = 6
/** Ahead of the true chain, as a block after the redemption must be. */
const LIARS_BLOCKS = 500

const TROUBLES = ['down', 'hanging', 'stale', 'lying'] as const

/**
 * The node of the network is down, hangs, is behind, or serves another chain, on which forged payments were made. Whoever
 * pays then is asked to come back or has to wait, nothing is resolved that was not paid, and afterwards all else settles.
 */
export const rpcTrouble: Scenario = {
  name: 'rpc-trouble',
  times: { whole: TROUBLES.length, short: 0 },
  run: async (trial) => {
    const shop = await openShop(trial)
    const broken: string[] = []
    for (const trouble of trial.random.shuffled(TROUBLES).slice(0, trial.times)) {
      broken.push(...(await payInTrouble(shop, trouble)))
    }
    broken.push(...(await judgeMarket(shop.databaseUrl, shop.market)))
    return {
      tried: trial.times * PURCHASES,
      broken,
      remark: `${PURCHASES} payments in each of ${trial.times} troubles`,
    }
  },
}

type Shop = {
  market: Market
  /** Where the nodes look when they are lied to. It has the same token at the same address. */
  liar: Market
  node: FaultyNode
  urls: readonly string[]
  databaseUrl: string
  parties: Parties
  random: Random
}

async function openShop(trial: Trial): Promise<Shop> {
  const [market, liar] = [await Market.open(trial), await Market.open(trial)]
  await liar.mine(LIARS_BLOCKS)
  const node = await startFaultyNode(market.chain.rpcUrl)
  trial.defer(() => node.stop())
  const network = chainNetwork({
    ...{ name: LOCAL, chainId: market.chain.chainId, rpcUrls: [node.url], currencies: [market.currency] },
    confirmations: CONFIRMATIONS,
  })
  const times = { resolveWaitMs: 1_000, unknownGraceMs: 200, dropGraceMs: 1_000 }
  const networks = [{ ...network, maxHeadAgeMs: MAX_HEAD_AGE_MS }]
  keepMining(trial, market)
  const { urls, databaseUrl } = await startTwoServers(trial, { networks, times })
  const parties = await market.newParties(urls)
  return { market, liar, node, urls, databaseUrl, parties, random: trial.random }
}

function keepMining(trial: Trial, market: Market): void {
  let mining = Promise.resolve()
  const timer = setInterval(() => {
    mining = mining.then(() => market.mine(1)).catch(() => undefined)
  }, BLOCK_EVERY_MS)
  trial.defer(async () => {
    clearInterval(timer)
    await mining
  })
}

type Payment = { purchase: Purchase; transactionHash: string; isForged: boolean; at: string }

async function payInTrouble(shop: Shop, trouble: (typeof TROUBLES)[number]): Promise<string[]> {
  const { market, liar, node, parties, random, urls } = shop
  const purchases: Purchase[] = []
  for (let purchase = 0; purchase < PURCHASES; purchase++) purchases.push(await market.ask(parties, random))
  await begin(shop, trouble)
  const payments: Payment[] = []
  for (const [index, purchase] of purchases.entries()) {
    const isForged = index % 2 === 1
    const where = isForged ? liar : market
    const transactionHash = await where.send(await where.sign(purchase))
    payments.push({ purchase, transactionHash, isForged, at: random.pick(urls) })
  }
  await liar.mine(1)
  const answers = await Promise.all(payments.map((payment) => handIn(shop, payment)))
  const broken = answers.flatMap((answer) => judgeAnswer(trouble, answer))
  node.fault = () => undefined
  const ends = await Promise.all(payments.map((payment) => end(shop, payment)))
  return [...broken, ...ends.flatMap((sentence) => (sentence === null ? [] : [`after ${trouble}: ${sentence}`]))]
}

async function begin({ node, liar }: Shop, trouble: (typeof TROUBLES)[number]): Promise<void> {
  if (trouble === 'down') node.fault = () => ({ status: 503 })
  if (trouble === 'hanging') node.fault = () => 'silence'
  if (trouble === 'stale') {
    node.fault = await frozen(node)
    await delay(MAX_HEAD_AGE_MS + BLOCK_EVERY_MS)
  }
  if (trouble === 'lying') node.fault = (question) => lie(liar.chain.rpcUrl, question)
}

/** A node that has heard of nothing since now. */
async function frozen({ url }: FaultyNode): Promise<FaultyNode['fault']> {
  const head = await ask(url, { id: 1, method: 'eth_getBlockByNumber', params: ['latest', false] })
  return ({ method, params }) => {
    if (method === 'eth_blockNumber') return { result: Object(head).number }
    if (method === 'eth_getBlockByNumber' && params?.[0] === 'latest') return { result: head }
    return method.startsWith('eth_getTransaction') ? { result: null } : undefined
  }
}

async function lie(url: string, question: RpcQuestion): Promise<Fault> {
  return { result: question.method === 'eth_chainId' ? '0x1' : await ask(url, question) }
}

async function ask(url: string, question: RpcQuestion): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', ...question })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const answer: unknown = await response.json()
  return Object(answer).result ?? null
}

function handIn({ parties }: Shop, { purchase, transactionHash, at }: Payment): Promise<Answer<VoucherView>> {
  const receipts = receiptsOf(purchase.voucher, { transactionHash })
  return withToken(at, parties.payerToken).post(`/vouchers/${purchase.voucher.id}/resolve-voucher`, receipts)
}

function judgeAnswer(trouble: string, { status, body }: Answer<VoucherView>): string[] {
  if (status === 503 || (status === 200 && body.settlement?.status === 'PENDING' && body.status === 'REDEEMED'))
    return []
  return [`while the node was ${trouble} a payment got ${status} ${body.code ?? body.status}: ${body.detail ?? ''}`]
}

/** Hands in once more what has to be, until a payment settles or a forged one is refused. @returns what is wrong */
async function end(shop: Shop, payment: Payment): Promise<string | null> {
  const { id } = payment.purchase.voucher
  const last = await eventually(async () => {
    const { body: voucher } = await shop.parties.payer.get<VoucherView>(`/vouchers/${id}`)
    const status = voucher.settlement?.status
    if (status === 'CONFIRMED') return 'CONFIRMED'
    if (status === 'PENDING' || voucher.status === 'RESOLVED') return null
    const answer = await handIn(shop, payment)
    return answer.status === 400 ? answer.body.code : null
  }, PATIENCE_MS).catch(() => 'nothing')
  const wanted = payment.isForged ? 'receipt_rejected' : 'CONFIRMED'
  return last === wanted ? null : `${payment.isForged ? 'a forged' : 'a'} payment ${id} came to ${last}`
}
