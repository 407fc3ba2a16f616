import { formatAmount } from '../../protocol/amounts.ts'
import { groupByCurrency, isPaid, placesOf, type Sale, type SaleLine, standingOf, unitsOf } from './sale.ts'

/** What is paid in one currency of what was asked on one day. */
export type DayTotal = {
  symbol: string
  network: string
  total: string
  /** Each of the 24 hours, also those in which nothing was sold. */
  hours: Hour[]
}

type Hour = {
  hour: number
  payments: number
  total: string
  /** Of the best hour, in percent. */
  share: number
}

type PaidLine = SaleLine & { hour: number }

const HOURS = 24

/**
 * A payment counts for the day and the hour in which it was asked for, whenever it came.
 * @param day any moment of the day, by the browser's own time
 */
export function totalsOfDay(sales: readonly Sale[], day: Date): DayTotal[] {
  const paid: PaidLine[] = []
  for (const sale of sales) {
    for (const line of sale.lines) {
      const askedAt = new Date(line.voucher?.askedAtMs ?? sale.startedAtMs)
      if (isPaid(standingOf(line)) && isSameDay(askedAt, day)) paid.push({ ...line, hour: askedAt.getHours() })
    }
  }
  return groupByCurrency(paid).map(totalOf)
}

export function isSameDay(one: Date, other: Date): boolean {
  return one.toDateString() === other.toDateString()
}

function totalOf(lines: [PaidLine, ...PaidLine[]]): DayTotal {
  const [{ symbol, network }] = lines
  const decimals = placesOf(lines.map(({ amount }) => amount))
  const units = Array.from({ length: HOURS }, () => 0n)
  const payments = Array.from({ length: HOURS }, () => 0)
  for (const { hour, amount } of lines) {
    units[hour] = (units[hour] ?? 0n) + unitsOf(amount, decimals)
    payments[hour] = (payments[hour] ?? 0) + 1
  }
  const [best = 1n] = units.filter((one) => one > 0n).sort((one, other) => (one < other ? 1 : -1))
  return {
    ...{ symbol, network, total: formatAmount(sumOf(units), decimals) },
    hours: units.map((one, hour) => ({
      ...{ hour, payments: payments[hour] ?? 0, total: formatAmount(one, decimals) },
      share: Number((one * 100n) / best),
    })),
  }
}

function sumOf(units: readonly bigint[]): bigint {
  return units.reduce((sum, one) => sum + one, 0n)
}
