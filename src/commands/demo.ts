import type { Hex } from 'viem'
import {
  type CurrencyView,
  createPayee,
  createPayer,
  type Payee,
  type Payer,
  type SessionView,
  signIn,
  signUp,
  type VoucherView,
} from '../client/index.ts'
import { formatAmount } from '../protocol/amounts.ts'
import { SANDBOX_NATIVE_CURRENCY, SANDBOX_NETWORK, SANDBOX_TOKENS } from '../sandbox/facts.ts'
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

/**
 * Plays payer and payee of one session with the SDK, with transactions that a real wallet client signs and sends to the
 * sandbox chain.
 * @throws SixpenceError when the server turns a call down, or a payment does not settle
 */
export async function demo({ url, rpcUrl, print, oneSignature, fx }: DemoOptions): Promise<void> {
  const say = storyteller(print)
  const demoWallet = openDemoWallet(rpcUrl)
  const payer = await signUpPayer(url, say)
  const currencies = await findCurrencies(payer)
  const before = await demoWallet.balances(currencies)
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: demoWallet.payer }] })
  say('payer', 'opens a context', `code ${code}: tell it to the shop`)

  const payee = createPayee({ url, contextCode: code })
  const session = await payee.openSession()
  say('payee', `opens a session with the code ${code}`, `${session.id}, code ${session.code}, ${session.status}`)
  await payer.joinSession(session.id)
  say('payer', 'joins the session', 'joined')

  const vouchers: VoucherView[] = []
  for (const { currency, amount, paidIn } of BASKET) {
    const found = currencies.find(({ symbol }) => symbol === currency)
    if (!found) throw new Error(`the server has no ${currency}`)
    const voucher = await askFor(payee, session, found, amount, demoWallet.payee, say)
    const isNegotiated = fx && (!oneSignature || isToken(paidIn))
    vouchers.push(isNegotiated ? await negotiate(payer, voucher, paidIn, demoWallet, say) : voucher)
  }
  if (oneSignature) await payTogether(payer, session, demoWallet, say)
  else for (const voucher of vouchers) await pay(payer, voucher, demoWallet, say)
  for (const { id } of vouchers) await watchSettlement(payee, id, say)

  const { status } = await payee.closeSession(session.id)
  say('payee', 'closes the session', status)
  printBalances(print, demoWallet.payee, currencies, before, await demoWallet.balances(currencies))
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

async function signUpPayer(url: string, say: Say): Promise<Payer> {
  const email = `payer-${Date.now()}-${process.pid}@example.com`
  const credentials = { url, email, password: 'correct horse battery staple' }
  const account = await signUp(credentials)
  say('payer', 'signs up', account.id)
  const token = await signIn(credentials)
  say('payer', 'signs in', 'a token')
  return createPayer({ url, token })
}

async function askFor(
  payee: Payee,
  session: SessionView,
  { network, symbol, address }: CurrencyView,
  amount: string,
  recipient: Hex,
  say: Say,
): Promise<VoucherView> {
  const reserved = await payee.reserveVoucherInSession(session.id)
  say('payee', 'reserves a voucher', `code ${reserved.code}, ${reserved.status} until ${reserved.expiresAt}`)
  const redeemed = await payee.redeemVoucher(reserved.id, {
    expectedPayment: {
      ...{ network, currency: symbol, currencyAddress: address },
      ...{ amount, wallet: { address: recipient } },
    },
  })
  say('payee', `redeems it for ${amount} ${symbol}`, `${redeemed.status}, ${redeemed.type}`)
  return redeemed
}

type PaidIn = (typeof BASKET)[number]['paidIn']

/** The native coin cannot be swapped in a batch: it leaves no log of who paid. */
const isToken = ({ currencyAddress }: PaidIn): boolean => currencyAddress !== ''

async function negotiate(payer: Payer, { id }: VoucherView, paidIn: PaidIn, { payer: address }: DemoWallet, say: Say) {
  const suppliedPayment = { network: SANDBOX_NETWORK, ...paidIn, wallet: { address } }
  const negotiated = await payer.negotiateVoucher(id, { suppliedPayment })
  const { amount, currency, maxAmount, rate, expiresAt } = negotiated.suppliedPayment ?? {}
  say('payer', `would rather pay in ${currency}`, `${amount}, at most ${maxAmount}; rate ${rate} until ${expiresAt}`)
  return negotiated
}

async function pay(payer: Payer, { id, code, payments = [] }: VoucherView, { wallet }: DemoWallet, say: Say) {
  const { status } = await payer.pay(id, wallet, {
    onSent: ({ paymentId, transactionHash }) => {
      const payment = payments.find((one) => one.id === paymentId)
      say('payer', `signs "${shortened(payment?.summary ?? paymentId)}"`, transactionHash)
    },
  })
  say('payer', `hands in the receipt of ${code}`, status)
}

/** Pays every voucher of the session in one transaction, and hands all receipts in at once. */
async function payTogether(payer: Payer, { id }: SessionView, { wallet }: DemoWallet, say: Say): Promise<void> {
  const { vouchers, batches } = await payer.getSessionPayments(id, { wallet: wallet.address })
  say('payer', 'asks what is to be paid', `${vouchers.length} vouchers, ${batches.length} to sign`)
  const payments = vouchers.flatMap((voucher) => voucher.payments)
  for (const { request, paymentIds, simulation } of batches) {
    for (const { summary } of payments.filter((payment) => paymentIds.includes(payment.id))) {
      say('payer', `is shown "${shortened(summary)}"`, `a call of ${request.method}`)
    }
    say('chain', `plays ${paymentIds.length} calls in one transaction`, `${simulation.status}; nothing is sent yet`)
  }
  const paid = await payer.paySession(id, wallet, {
    onSent: (sent) => {
      if ('callsId' in sent) say('payer', `signs ${sent.paymentIds.length} payments with one signature`, sent.callsId)
    },
  })
  for (const result of paid) {
    if ('error' in result) throw result.error
    say('payer', `hands in the receipt of ${result.voucher.code}`, result.voucher.status)
  }
}

function shortened(summary: string): string {
  return summary.replace(/(0x[0-9a-fA-F]{4})[0-9a-fA-F]{32}/, '$1…')
}

/** Shows each confirmation as it comes. */
async function watchSettlement(payee: Payee, voucherId: string, say: Say): Promise<void> {
  let shown = ''
  await payee.waitForSettlement(voucherId, {
    timeoutMs: SETTLEMENT_PATIENCE_MS,
    onProgress: ({ code, settlement }) => {
      const standing = `${settlement?.status}, ${settlement?.confirmations} of ${settlement?.required} confirmations`
      if (standing !== shown) say('chain', `settles ${code}`, standing)
      shown = standing
    },
  })
}

async function findCurrencies(payer: Payer): Promise<CurrencyView[]> {
  const currencies = await payer.listCurrencies({ network: SANDBOX_NETWORK })
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
