import { setTimeout as pause } from 'node:timers/promises'
import type { Hex } from 'viem'
import { formatAmount } from '../protocol/amounts.ts'
import { CONTEXT_CODE_RESOURCE } from '../protocol/codes.ts'
import type {
  AccountView,
  AuthorizationView,
  ContextView,
  CurrencyView,
  ReservedView,
  SessionPaymentsView,
  SessionResolvedView,
  SessionView,
  VoucherView,
} from '../protocol/schemas.ts'
import { SANDBOX_NATIVE_CURRENCY, SANDBOX_NETWORK, SANDBOX_TOKENS } from '../sandbox/facts.ts'
import { type Api, createApi } from './api.ts'
import { type DemoWallet, openDemoWallet } from './demo-wallet.ts'

export type DemoOptions = {
  /** Where the server is. */
  url: string
  /** Where the sandbox chain is. */
  rpcUrl: string
  print: (line: string) => void
  /** Whether the payer signs once for the whole session, instead of once for each payment. */
  oneSignature: boolean
  /** Whether the payer pays in other currencies than the payee asks for. */
  fx: boolean
}

const [, USDC] = SANDBOX_TOKENS

/** What the two parties of the demo buy and sell: the session of the guide. With `fx` the payer pays in another currency. */
const BASKET = [
  { currency: 'EURC', amount: '100', paidIn: { currency: 'USDC', currencyAddress: USDC.address } },
  { currency: 'USDC', amount: '50', paidIn: { currency: SANDBOX_NATIVE_CURRENCY.symbol, currencyAddress: '' } },
]

const SETTLEMENT_PATIENCE_MS = 60_000
const LOOK_PAUSE_MS = 250

/**
 * Plays payer and payee of one session, every request as in the guide, with transactions that a real wallet client
 * signs and sends to the sandbox chain.
 * @throws ApiError when the server turns a call down
 */
export async function demo({ url, rpcUrl, print, oneSignature, fx }: DemoOptions): Promise<void> {
  const say = storyteller(print)
  const wallet = openDemoWallet(rpcUrl)
  const currencies = await findCurrencies(createApi(url))
  const before = await wallet.balances(currencies)

  const payer = await signUpPayer(url, say)
  const context = await payer.post<ContextView>('/vouchers/contexts/context-open', {
    format: 'alphanum',
    payers: [{ address: wallet.payer }],
  })
  say('payer', 'opens a context', `code ${context.code}: tell it to the shop`)

  const payee = await signInPayee(url, context.code, say)
  const session = await payee.post<SessionView>('/vouchers/sessions/session-open', { code: context.code })
  say('payee', 'opens a session', `${session.id}, code ${session.code}, ${session.status}`)
  await payer.post<SessionView>(`/vouchers/sessions/${session.id}/session-join`)
  say('payer', 'joins the session', 'joined')

  const vouchers: VoucherView[] = []
  for (const { currency, amount, paidIn } of BASKET) {
    const found = currencies.find(({ symbol }) => symbol === currency)
    if (!found) throw new Error(`the server has no ${currency}`)
    const voucher = await askFor(payee, session, found, amount, wallet.payee, say)
    vouchers.push(
      fx && (!oneSignature || isToken(paidIn)) ? await negotiate(payer, voucher, paidIn, wallet, say) : voucher,
    )
  }
  if (oneSignature) await payTogether(payer, session, wallet, say)
  else for (const { id } of vouchers) await pay(payer, id, wallet, say)
  for (const { id } of vouchers) await watchSettlement(payee, id, say)

  const closed = await payee.post<SessionView>(`/vouchers/sessions/${session.id}/session-close`)
  say('payee', 'closes the session', closed.status)
  printBalances(print, wallet.payee, currencies, before, await wallet.balances(currencies))
}

type Say = (who: 'payer' | 'payee' | 'chain', what: string, came: string) => void

/** One line a step: who does what, and what came back. */
function storyteller(print: (line: string) => void): Say {
  let step = 0
  return (who, what, came) => {
    step += 1
    print(`${String(step).padStart(2)}  ${who}  ${what.padEnd(52)} → ${came}`)
  }
}

async function signUpPayer(url: string, say: Say): Promise<Api> {
  const stranger = createApi(url)
  const data = { email: `payer-${Date.now()}-${process.pid}@example.com`, password: 'correct horse battery staple' }
  const account = await stranger.post<AccountView>('/auth/sign-up', { type: 'email-password', data })
  say('payer', 'signs up', account.id)
  const { authorization } = await stranger.post<AuthorizationView>('/auth/sign-in', { type: 'email-password', data })
  say('payer', 'signs in', 'a token')
  return createApi(url, authorization.token)
}

async function signInPayee(url: string, code: string, say: Say): Promise<Api> {
  const { authorization } = await createApi(url).post<AuthorizationView>('/auth/sign-in', {
    type: 'resource',
    data: { resource: `${CONTEXT_CODE_RESOURCE}${code}` },
  })
  say('payee', `signs in with the code ${code}`, 'a token for this context alone')
  return createApi(url, authorization.token)
}

async function askFor(
  payee: Api,
  session: SessionView,
  currency: CurrencyView,
  amount: string,
  recipient: Hex,
  say: Say,
): Promise<VoucherView> {
  const reserved = await payee.post<ReservedView>(`/vouchers/sessions/${session.id}/reserve-voucher`)
  say('payee', 'reserves a voucher', `code ${reserved.code}, ${reserved.status} until ${reserved.expiresAt}`)
  const redeemed = await payee.post<VoucherView>(`/vouchers/${reserved.id}/redeem-voucher`, {
    expectedPayment: {
      network: currency.network,
      currency: currency.symbol,
      currencyAddress: currency.address,
      amount,
      wallet: { address: recipient },
    },
  })
  say('payee', `redeems it for ${amount} ${currency.symbol}`, `${redeemed.status}, ${redeemed.type}`)
  return redeemed
}

type PaidIn = (typeof BASKET)[number]['paidIn']

/** The native coin cannot be swapped in a batch: it leaves no log of who paid. */
const isToken = ({ currencyAddress }: PaidIn): boolean => currencyAddress !== ''

async function negotiate(payer: Api, { id }: VoucherView, paidIn: PaidIn, wallet: DemoWallet, say: Say) {
  const negotiated = await payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, {
    suppliedPayment: { network: SANDBOX_NETWORK, ...paidIn, amount: '0', wallet: { address: wallet.payer } },
  })
  const { amount, currency, maxAmount, rate, expiresAt } = negotiated.suppliedPayment ?? {}
  say('payer', `would rather pay in ${currency}`, `${amount}, at most ${maxAmount}; rate ${rate} until ${expiresAt}`)
  return negotiated
}

async function pay(payer: Api, voucherId: string, wallet: DemoWallet, say: Say): Promise<void> {
  const voucher = await payer.get<VoucherView>(`/vouchers/${voucherId}`)
  const receipts = []
  for (const payment of voucher.payments ?? []) {
    const transactionHash = await wallet.send(payment.input)
    say('payer', `signs "${shortened(payment.summary)}"`, transactionHash)
    receipts.push({ paymentId: payment.id, transactionHash })
  }
  const resolved = await payer.post<VoucherView>(`/vouchers/${voucherId}/resolve-voucher`, { receipts })
  say('payer', `hands in the receipt of ${voucher.code}`, resolved.status)
}

/** Pays every voucher of the session in one transaction, and hands all receipts in at once. */
async function payTogether(payer: Api, session: SessionView, wallet: DemoWallet, say: Say): Promise<void> {
  const path = `/vouchers/sessions/${session.id}`
  const { vouchers, batches } = await payer.get<SessionPaymentsView>(`${path}/payments?wallet=${wallet.payer}`)
  say('payer', 'asks what is to be paid', `${vouchers.length} vouchers, ${batches.length} to sign`)
  const receipts = []
  const payments = vouchers.flatMap((voucher) => voucher.payments)
  for (const { request, paymentIds, simulation } of batches) {
    const [{ calls }] = request.params
    for (const { id, summary } of payments) {
      if (paymentIds.includes(id)) say('payer', `is shown "${shortened(summary)}"`, `a call of ${request.method}`)
    }
    say('chain', `plays ${calls.length} calls in one transaction`, `${simulation.status}; nothing is sent yet`)
    const transactionHash = await wallet.sendCalls(calls)
    say('payer', `signs ${calls.length} payments with one signature`, transactionHash)
    receipts.push(...paymentIds.map((paymentId) => ({ paymentId, transactionHash })))
  }
  const { results } = await payer.post<SessionResolvedView>(`${path}/session-resolve`, { receipts })
  for (const { voucherId, voucher, problem } of results) {
    const { code } = vouchers.find((asked) => asked.voucherId === voucherId) ?? {}
    say('payer', `hands in the receipt of ${code}`, voucher?.status ?? `${problem?.code}: ${problem?.detail}`)
  }
}

function shortened(summary: string): string {
  return summary.replace(/(0x[0-9a-fA-F]{4})[0-9a-fA-F]{32}/, '$1…')
}

/** Shows each confirmation as it comes. */
async function watchSettlement(payee: Api, voucherId: string, say: Say): Promise<void> {
  const deadlineMs = Date.now() + SETTLEMENT_PATIENCE_MS
  for (let shown = ''; Date.now() < deadlineMs; await pause(LOOK_PAUSE_MS)) {
    const { code, settlement } = await payee.get<VoucherView>(`/vouchers/${voucherId}`)
    const standing = `${settlement?.status}, ${settlement?.confirmations} of ${settlement?.required} confirmations`
    if (standing !== shown) say('chain', `settles ${code}`, standing)
    if (settlement?.status === 'CONFIRMED') return
    shown = standing
  }
  throw new Error(`voucher ${voucherId} did not settle within ${SETTLEMENT_PATIENCE_MS / 1000} s`)
}

async function findCurrencies(api: Api): Promise<CurrencyView[]> {
  const currencies = await api.get<CurrencyView[]>(`/finance/currencies?network=${SANDBOX_NETWORK}`)
  return currencies.filter(({ symbol }) => BASKET.some(({ currency }) => currency === symbol))
}

function printBalances(
  print: (line: string) => void,
  holder: Hex,
  currencies: CurrencyView[],
  before: bigint[],
  after: bigint[],
): void {
  print(`The payee ${holder} held and holds:`)
  for (const [index, { symbol, decimals }] of currencies.entries()) {
    const [was = 0n, is = 0n] = [before[index], after[index]]
    print(
      `    ${symbol}  ${formatAmount(was, decimals)} → ${formatAmount(is, decimals)}  (+${formatAmount(is - was, decimals)})`,
    )
  }
}
