import { computed, signal } from '@preact/signals'
import type { CurrencyView } from '../../client/index.ts'
import { parseAmount } from '../../protocol/amounts.ts'
import { foldTyped } from '../design/codes.tsx'
import { anyPayee, explain } from './ask.ts'
import { type Asked, isPaid, type Sale, standingOf } from './sale.ts'
import { takeFragment } from './set-up-link.ts'
import { settings, shortAddress } from './settings.ts'
import { troubleWithAddress } from './typed-address.ts'
import { amountInWords, readTypedAmount } from './typed-amount.ts'

/** What is being keyed in. */
export const amount = signal('')
/** Who else is paid by this line; empty: this register. */
export const recipient = signal('')
/** Lines that are ready; what is being keyed in is one more. */
export const lines = signal<readonly Asked[]>([])
/** The payer's code. A QR code of a wallet opens the register with it. */
export const code = signal('')

export const currencies = signal<readonly CurrencyView[]>([])
export const currencyTrouble = signal<string | null>(null)

export const currency = computed(
  () => currencies.value.find((one) => keyOf(one) === settings.value.currency) ?? currencies.value[0] ?? null,
)

export function keyOf({ network, address }: CurrencyView): string {
  return `${network} ${address}`
}

/** The symbol, and what tells it from others of that symbol. */
export function nameOf({ symbol, network, address }: CurrencyView): string {
  const alike = currencies.value.filter((one) => one.symbol === symbol)
  if (alike.length === 1) return symbol
  const isOnlyOne = alike.filter((one) => one.network === network).length === 1
  return isOnlyOne ? `${symbol} · ${network}` : `${symbol} · ${network} · ${shortAddress(address)}`
}

/** Looks for a code, or for a set-up, in the address of the page: now, and when a link changes it. */
export function watchFragment(): void {
  const take = () => {
    const taken = takeFragment()
    if (taken !== null) code.value = foldTyped(taken)
  }
  addEventListener('hashchange', take)
  take()
}

/** Tokens come before native coins: shops think in money. */
export async function loadCurrencies(): Promise<void> {
  currencyTrouble.value = null
  try {
    const listed = await anyPayee().listCurrencies({ limit: 1000 })
    const enabled = listed.filter((one) => one.enabled)
    currencies.value = enabled.sort((a, b) => Number(a.address === '') - Number(b.address === ''))
  } catch (error) {
    currencyTrouble.value = explain(error)
  }
}

/** The line that is being keyed in, or what is wrong with it. */
export function currentLine(): Asked | { wrong: 'amount' | 'recipient'; why: string } {
  const chosen = currency.value
  if (chosen === null) return { wrong: 'amount', why: 'The currencies have not come yet.' }
  if (amount.value.trim() === '') return { wrong: 'amount', why: 'Key in an amount first.' }
  const read = readTypedAmount(amount.value)
  if (typeof read !== 'string') return { wrong: 'amount', why: read.why }
  const units = parseAmount(read, chosen.decimals)
  if (typeof units !== 'bigint') return { wrong: 'amount', why: `The amount ${units.refusal}.` }
  const to = recipient.value.trim() || settings.value.wallet
  const trouble = troubleWithAddress(to)
  if (trouble !== null) return { wrong: 'recipient', why: trouble }
  return {
    ...{ amount: read, symbol: chosen.symbol, network: chosen.network, recipient: to },
    currencyAddress: chosen.address,
  }
}

/** What the amount that is being keyed in was understood as; null where it is none, or can be read in two ways. */
export const understood = computed(() => {
  const [chosen, read] = [currency.value, readTypedAmount(amount.value)]
  if (chosen === null || typeof read !== 'string' || typeof parseAmount(read, chosen.decimals) !== 'bigint') return null
  return amountInWords(read, chosen.symbol)
})

/** Puts the line that is being keyed in with the others. */
export function addLine(line: Asked): void {
  lines.value = [...lines.value, line]
  amount.value = ''
  recipient.value = ''
}

export function dropLine(place: number): void {
  lines.value = lines.value.filter((_, at) => at !== place)
}

export function clearDraft(): void {
  amount.value = ''
  recipient.value = ''
  lines.value = []
  code.value = ''
}

/** Puts what is not paid of a sale in the till again. */
export function takeBack({ lines: asked }: Sale): void {
  clearDraft()
  lines.value = asked.filter((line) => !isPaid(standingOf(line))).map(({ voucher: _voucher, ...line }) => line)
}

export function newSale(asked: readonly Asked[]): Sale {
  const random = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, '0'))
  return {
    id: `sale-${random.join('')}`,
    startedAtMs: Date.now(),
    code: code.value,
    shopName: settings.value.shopName,
    token: null,
    session: null,
    lines: asked.map((line) => ({ ...line, voucher: null })),
    trouble: null,
  }
}
