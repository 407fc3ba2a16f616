import type { VoucherView } from '../../client/index.ts'
import { formatAmount, parseAmount } from '../../protocol/amounts.ts'
import type { Tone } from '../design/progress.tsx'

/** What a payer is asked for: an amount of one currency, to one address. */
export type Asked = {
  /** A decimal string in whole units. */
  amount: string
  symbol: string
  network: string
  currencyAddress: string
  recipient: string
}

/** Of a voucher, what the register shows and keeps. */
export type VoucherRecord = Pick<
  VoucherView,
  'id' | 'code' | 'status' | 'version' | 'late' | 'settlement' | 'discardedBy'
> & {
  payers: string[]
  /** What the payer paid with, where that is another currency. */
  paidWith: { amount: string; currency: string } | null
  /** What reached the shop without paying this; left out where nothing did. */
  observed?: Observed[]
  /** When the payer's time is up, by the clock of this browser. */
  endsAtMs: number
  /** When the payer was asked, by the server's clock. */
  askedAtMs: number
}

/** What reached the shop, or may have, without paying the voucher. */
export type Observed = Pick<
  NonNullable<VoucherView['observedPayments']>[number],
  'transactionHash' | 'reason' | 'amount' | 'from'
>

export type SaleLine = Asked & { voucher: VoucherRecord | null }

export type Sale = {
  id: string
  startedAtMs: number
  /** The payer's code. */
  code: string
  shopName: string
  /** The token that the payer's code gave; null where the API key asks. */
  token: string | null
  session: { id: string; code: string } | null
  lines: SaleLine[]
  /** Why the server could not be asked for all of it yet. */
  trouble: string | null
  /** It is known from the server alone, under this name of its own there: it is not kept in this browser. */
  elsewhere?: { orderId: string }
}

export type Standing =
  | 'asking'
  | 'waiting'
  | 'sent'
  | 'paid'
  | 'settled'
  | 'unverified'
  | 'expired'
  | 'discarded'
  | 'refused'
  | 'failed'
  | 'partly'

/** How each standing is said: to everybody who looks, in the same words. */
export const STANDINGS: Record<Standing, { tone: Tone; word: string; sentence: string }> = {
  asking: { tone: 'idle', word: 'Asking', sentence: 'Asking the payer…' },
  waiting: { tone: 'wait', word: 'Waiting', sentence: 'Waiting for the payer' },
  sent: { tone: 'wait', word: 'On its way', sentence: 'The payer has paid; waiting for the block' },
  paid: { tone: 'good', word: 'Paid', sentence: 'Paid. The goods may go' },
  settled: { tone: 'good', word: 'Settled', sentence: 'Paid and settled' },
  unverified: { tone: 'good', word: 'Paid, unverified', sentence: 'Paid, by the payer’s word: look in your wallet' },
  expired: { tone: 'bad', word: 'Expired', sentence: 'Not paid: the time is up' },
  discarded: { tone: 'bad', word: 'Called off', sentence: 'Not paid: it was called off' },
  refused: { tone: 'bad', word: 'Refused', sentence: 'Not paid: the payer refused it' },
  failed: { tone: 'bad', word: 'Failed', sentence: 'Not paid: the chain undid the payment' },
  partly: { tone: 'bad', word: 'Partly paid', sentence: 'Only a part is paid' },
}

export function standingOf({ voucher }: SaleLine): Standing {
  if (voucher === null) return 'asking'
  const settlement = voucher.settlement?.status
  if (settlement === 'FAILED') return 'failed'
  switch (voucher.status) {
    case 'RESERVED':
      return 'asking'
    case 'REDEEMED':
      return settlement === 'PENDING' ? 'sent' : 'waiting'
    case 'RESOLVED':
      if (settlement === 'UNVERIFIED') return 'unverified'
      return settlement === 'CONFIRMED' ? 'settled' : 'paid'
    case 'DISCARDED':
      return voucher.discardedBy === 'payer' ? 'refused' : 'discarded'
    default:
      return 'expired'
  }
}

const UNDER_WAY: readonly Standing[] = ['asking', 'waiting', 'sent']
const UNPAID: readonly Standing[] = ['failed', 'refused', 'discarded', 'expired']
const PAID: readonly Standing[] = ['paid', 'unverified', 'settled']

/** How a whole sale stands: by its slowest line, and as a failure only when nothing is under way any more. */
export function standingOfSale({ lines }: Sale): Standing {
  const standings = lines.map(standingOf)
  const underWay = UNDER_WAY.find((standing) => standings.includes(standing))
  if (underWay !== undefined) return underWay
  const unpaid = UNPAID.find((standing) => standings.includes(standing))
  if (unpaid === undefined) return PAID.find((standing) => standings.includes(standing)) ?? 'asking'
  return standings.some(isPaid) ? 'partly' : unpaid
}

export function isPaid(standing: Standing): boolean {
  return PAID.includes(standing)
}

export function isUnderWay(standing: Standing): boolean {
  return UNDER_WAY.includes(standing)
}

/** Nothing more is to be seen of it, as far as anybody knows. */
export function isOver(sale: Sale): boolean {
  return sale.lines.every((line) =>
    ['settled', 'unverified', 'expired', 'discarded', 'refused'].includes(standingOf(line)),
  )
}

/** Whether it can be called off now: not while something of it is being asked for, which would then be asked all the same. */
export function canBeCalledOff({ lines }: Sale): boolean {
  const standings = lines.map(standingOf)
  return standings.includes('waiting') && !standings.includes('asking')
}

/** What the register keeps of a voucher. `askedNow`: the answer is as old as its `updatedAt`, which tells the clocks apart. */
export function recordOf(voucher: VoucherView, before: VoucherRecord | null): VoucherRecord {
  const { id, code, status, version, late, discardedBy, settlement, payers, suppliedPayment, expectedPayment } = voucher
  const observed = voucher.observedPayments?.map(({ transactionHash, reason, amount, from }) => {
    return { transactionHash, reason, amount, from }
  })
  const isSwapped = suppliedPayment !== undefined && suppliedPayment.currency !== expectedPayment?.currency
  const timeLeftMs = Date.parse(voucher.expiresAt) - Date.parse(voucher.updatedAt)
  return {
    ...{ id, code, status, version, payers: payers.map(({ address }) => address) },
    ...(late !== undefined && { late }),
    ...(discardedBy !== undefined && { discardedBy }),
    ...(settlement !== undefined && { settlement }),
    ...(observed !== undefined && observed.length > 0 && { observed }),
    paidWith: isSwapped ? { amount: suppliedPayment.amount, currency: suppliedPayment.currency } : null,
    endsAtMs: before === null ? Date.now() + timeLeftMs : before.endsAtMs,
    askedAtMs: Date.parse(voucher.createdAt),
  }
}

/** When a sale was begun: by the server's clock where that is known, so that all registers agree on its day. */
export function beganAtMs({ lines, startedAtMs }: Sale): number {
  return lines[0]?.voucher?.askedAtMs ?? startedAtMs
}

/** What stands on the receipt: the same at every register. */
export function numberOf({ id, elsewhere }: Sale): string {
  return elsewhere?.orderId ?? id
}

/** What was asked in each currency, in the order of the lines. Amounts of different currencies are never added. */
export function totalsOf<T extends Asked>(lines: readonly T[]): (T & { amount: string })[] {
  return groupByCurrency(lines).map(([first, ...rest]) => {
    const amounts = [first, ...rest].map(({ amount }) => amount)
    const decimals = placesOf(amounts)
    const units = amounts.reduce((sum, amount) => sum + unitsOf(amount, decimals), 0n)
    return { ...first, amount: formatAmount(units, decimals) }
  })
}

export function groupByCurrency<T extends Asked>(lines: readonly T[]): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>()
  for (const line of lines) {
    const key = `${line.network} ${line.currencyAddress}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [line])
    else group.push(line)
  }
  return [...groups.values()]
}

/** As many decimal places as these amounts need. */
export function placesOf(amounts: readonly string[]): number {
  return amounts.reduce((most, amount) => Math.max(most, amount.split('.')[1]?.length ?? 0), 0)
}

/** What cannot be read counts nothing. */
export function unitsOf(amount: string, decimals: number): bigint {
  const units = parseAmount(amount, decimals)
  return typeof units === 'bigint' ? units : 0n
}

/** @returns null where the network cannot say how many there are to be */
export function confirmationsOf({ settlement }: VoucherRecord): { done: number; of: number | null } | null {
  if (settlement === undefined || settlement.status === 'UNVERIFIED' || settlement.status === 'FAILED') return null
  const { confirmations, required } = settlement
  return { done: confirmations, of: typeof required === 'number' ? required : null }
}
