import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { reorg, signed } from '../../test/settlement/shop.ts'
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
import type { Scenario } from '../scenario.ts'
import { startTwoServers } from '../two-servers.ts'

const DEEPEST = 12
/** No reorganisation of this scenario reaches what is CONFIRMED. */
const CONFIRMATIONS = DEEPEST + 1
const PATIENCE_MS = 30_000

/**
 * Blocks are taken back as deep as 12, while two nodes watch: the payment comes back in another block, or has to be
 * broadcast again, or another transaction takes its place. For each depth two vouchers want the same payment.
 */
export const reorganised: Scenario = {
  name: 'reorganised',
  times: { whole: DEEPEST, short: 2 },
  run: async (trial) => {
    const market = await Market.open(trial)
    const { chainId, rpcUrl } = market.chain
    const network = chainNetwork({
      ...{ name: LOCAL, chainId, rpcUrls: [rpcUrl], currencies: [market.currency], confirmations: CONFIRMATIONS },
    })
    const times = { resolveWaitMs: 5_000, unknownGraceMs: 0, dropGraceMs: 1_000 }
    const { urls, databaseUrl } = await startTwoServers(trial, { networks: [network], times })
    const parties = await market.newParties(urls)
    const broken: string[] = []
    const fates: string[] = []
    for (const depth of trial.random.shuffled(Array.from({ length: trial.times }, (_, index) => index + 1))) {
      const fate = trial.random.pick(FATES)
      fates.push(fate)
      broken.push(...(await reorganise({ market, urls, parties, random: trial.random, depth, fate })))
    }
    broken.push(...(await judgeMarket(databaseUrl, market)))
    const counts = FATES.map((fate) => `${fates.filter((each) => each === fate).length} ${fate}`)
    return { tried: fates.length, broken, remark: counts.join(', ') }
  },
}

/** What becomes of a payment whose block is taken back. */
const FATES = ['moved', 'lost', 'replaced'] as const

type Play = {
  market: Market
  urls: readonly [string, string]
  parties: Parties
  random: Random
  depth: number
  fate: (typeof FATES)[number]
}

async function reorganise(play: Play): Promise<string[]> {
  const { market, urls, parties, random, depth, fate } = play
  const purchase = await market.ask(parties, random)
  const twin = await market.askAt(parties, purchase.recipient, purchase.units)
  const nonce = await market.nonce()
  const raw = await market.sign(purchase)
  const racing = [purchase, twin].map(({ voucher }, place) =>
    withToken(urls[place] ?? '', parties.payerToken).post<VoucherView>(
      `/vouchers/${voucher.id}/resolve-voucher`,
      receiptsOf(voucher, { signedTransaction: raw }),
    ),
  )
  await eventually(() => market.knows(raw))
  await market.mine(1)
  const answers = await Promise.all(racing)
  await market.mine(depth - 1)
  await reorg(market.chain, depth, await comeBack(play, raw, nonce))
  const settled = settling(play, [purchase, twin])
  const broken = winners(answers).length <= 1 ? [] : [`one payment resolved two vouchers: ${seen(answers)}`]
  if (!(await settled)) broken.push(`a payment that was ${fate} at depth ${depth} never settled: ${seen(answers)}`)
  return broken
}

/** What is in the new blocks. */
async function comeBack({ market, random, depth, fate }: Play, raw: Hex, nonce: number): Promise<[Hex, number][]> {
  if (fate === 'lost') return []
  const block = random.between(0, depth - 1)
  if (fate === 'moved') return [[raw, block]]
  const other = await signed(market.chain, 0, { to: NOBODY, value: 1n, nonce })
  return [[other, block]]
}

const NOBODY: Hex = '0x00000000000000000000000000000000000000aa'

/** Mines until nothing is PENDING any more and one of them is CONFIRMED, or all FAILED where another took the place. */
async function settling({ market, parties, fate }: Play, purchases: readonly Purchase[]): Promise<boolean> {
  const wanted = fate === 'replaced' ? 'FAILED' : 'CONFIRMED'
  return eventually(async () => {
    await market.mine(1)
    const looks = purchases.map(({ voucher }) => parties.payer.get<VoucherView>(`/vouchers/${voucher.id}`))
    const statuses = (await Promise.all(looks)).map(({ body }) => body.settlement?.status)
    return !statuses.includes('PENDING') && statuses.includes(wanted)
  }, PATIENCE_MS).catch(() => false)
}

function winners(answers: readonly Answer<VoucherView>[]): Answer<VoucherView>[] {
  return answers.filter(({ body }) => body.status === 'RESOLVED')
}

function seen(answers: readonly Answer<VoucherView>[]): string {
  return answers.map(({ status, body }) => `${status} ${body.code ?? body.status}`).join(', ')
}
