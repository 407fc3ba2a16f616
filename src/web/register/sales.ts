import { computed, signal } from '@preact/signals'
import type { VoucherView } from '../../client/index.ts'
import { forget, isObject, namesKept, read, write } from './kept.ts'
import { salesWith } from './learn.ts'
import { beganAtMs, isUnderWay, type Sale, type SaleLine, standingOfSale } from './sale.ts'

/** As many as a browser keeps without complaint; the oldest go first. */
const MOST_SALES = 1000

const NAME = 'sale.'

/**
 * Every sale that is known, by its id. Those of this register are kept, each under a name of its own, so that windows do
 * not undo each other; those from elsewhere last as long as the page.
 */
const salesById = signal<ReadonlyMap<string, Sale>>(readAll())

/** The newest first. */
export const sales = computed(() => [...salesById.value.values()].sort((a, b) => beganAtMs(b) - beganAtMs(a)))

/** How long after it began a sale is shown again at once when the page comes back. */
const COMES_BACK_MS = 15 * 60 * 1000

/** The sale that is shown; null: the till. */
export const shownId = signal<string | null>(saleToComeBackTo())

export const shown = computed(() => (shownId.value === null ? null : (salesById.value.get(shownId.value) ?? null)))

export function saleOf(id: string): Sale | null {
  return salesById.value.get(id) ?? null
}

export function keep(sale: Sale): void {
  keepAll([sale])
}

function keepAll(changed: readonly Sale[]): void {
  const next = new Map(salesById.value)
  for (const sale of changed) {
    next.set(sale.id, sale)
    if (sale.elsewhere === undefined) write(NAME + sale.id, sale)
  }
  salesById.value = next
  for (const { id } of sales.value.filter(({ elsewhere }) => elsewhere === undefined).slice(MOST_SALES)) remove(id)
}

/** Takes in vouchers as the server has them, with the sales that they are part of. */
export function learn(vouchers: readonly VoucherView[]): void {
  const changed = salesWith(salesById.value, vouchers)
  if (changed.length > 0) keepAll(changed)
}

/** Forgets what is known from the server alone. */
export function forgetElsewhere(): void {
  salesById.value = new Map([...salesById.value].filter(([, { elsewhere }]) => elsewhere === undefined))
}

/** Changes a sale as it is now, if it is still there. */
export function change(id: string, next: Partial<Sale>): void {
  const sale = saleOf(id)
  if (sale !== null) keep({ ...sale, ...next })
}

export function changeLine(id: string, place: number, next: Partial<SaleLine>): void {
  const sale = saleOf(id)
  if (sale === null) return
  keep({ ...sale, lines: sale.lines.map((line, at) => (at === place ? { ...line, ...next } : line)) })
}

export function remove(id: string): void {
  const rest = new Map(salesById.value)
  rest.delete(id)
  salesById.value = rest
  forget(NAME + id)
}

function saleToComeBackTo(): string | null {
  const [newest] = sales.value
  if (newest === undefined || Date.now() - newest.startedAtMs > COMES_BACK_MS) return null
  return isUnderWay(standingOfSale(newest)) ? newest.id : null
}

/** What else is in it was written with these. */
function isSale(found: unknown): found is Sale {
  if (!isObject(found) || !('id' in found && 'startedAtMs' in found && 'lines' in found)) return false
  const { id, startedAtMs, lines } = found
  const areLines = Array.isArray(lines) && lines.every(isObject)
  return typeof id === 'string' && typeof startedAtMs === 'number' && areLines
}

function readAll(): Map<string, Sale> {
  const found = namesKept(NAME).map((name) => read(name, isSale))
  return new Map(found.filter((sale) => sale !== null).map((sale) => [sale.id, sale]))
}
