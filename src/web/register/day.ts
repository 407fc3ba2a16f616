import { formatAmount, parseAmount } from '../../protocol/amounts.ts'
import { isPaid, type Sale, standingOf } from './sale.ts'

/** What was paid in one currency on one day. */
export type DayTotal = {
  symbol: string
  network: string
  total: string
  /** Each of the 24 hours, also those in which nothing was paid. */
  hours: Hour[]
}

type Hour = {
  hour: number
  payments: number
  total: string
  /** Of the best hour, in percent. */
  share: number
}

type Sum = { symbol: string; network: string; decimals: number; units: bigint[]; payments: number[] }

const HOURS = 24

/** @param day any moment of the day, by the browser's own time */
export function totalsOfDay(sales: readonly Sale[], day: Date): DayTotal[] {
  const sums = new Map<string, Sum>()
  for (const line of sales.flatMap(({ lines }) => lines)) {
    const paidAt = line.paidAtMs === null ? null : new Date(line.paidAtMs)
    if (paidAt === null || !isSameDay(paidAt, day) || !isPaid(standingOf(line))) continue
    const units = parseAmount(line.amount, line.decimals)
    if (typeof units !== 'bigint') continue
    const key = `${line.network} ${line.currencyAddress}`
    const sum = sums.get(key) ?? newSum(line)
    sums.set(key, sum)
    const hour = paidAt.getHours()
    sum.units[hour] = (sum.units[hour] ?? 0n) + units
    sum.payments[hour] = (sum.payments[hour] ?? 0) + 1
  }
  return [...sums.values()].map(totalOf)
}

export function isSameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString()
}

function newSum({ symbol, network, decimals }: Pick<Sum, 'symbol' | 'network' | 'decimals'>): Sum {
  const units = Array.from({ length: HOURS }, () => 0n)
  return { symbol, network, decimals, units, payments: units.map(() => 0) }
}

function totalOf({ symbol, network, decimals, units, payments }: Sum): DayTotal {
  const [best = 1n] = units.filter((one) => one > 0n).toSorted((a, b) => (a < b ? 1 : -1))
  const total = units.reduce((sum, one) => sum + one, 0n)
  return {
    ...{ symbol, network, total: formatAmount(total, decimals) },
    hours: units.map((one, hour) => ({
      ...{ hour, payments: payments[hour] ?? 0, total: formatAmount(one, decimals) },
      share: Number((one * 100n) / best),
    })),
  }
}
