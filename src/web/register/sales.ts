import { computed, signal } from '@preact/signals'
import { forget, namesKept, read, write } from './kept.ts'
import { isUnderWay, type Sale, type SaleLine, standingOfSale } from './sale.ts'

/** As many as a browser keeps without complaint; the oldest go first. */
const MOST_SALES = 1000

const NAME = 'sale.'

/** Every sale of this register, by its id; each is kept under a name of its own, so that windows do not undo each other. */
const salesById = signal<ReadonlyMap<string, Sale>>(readAll())

/** The newest first. */
export const sales = computed(() => [...salesById.value.values()].toSorted((a, b) => b.startedAtMs - a.startedAtMs))

/** How long after it began a sale is shown again at once when the page comes back. */
const COMES_BACK_MS = 15 * 60 * 1000

/** The sale that is shown; null: the till. */
export const shownId = signal<string | null>(saleToComeBackTo())

export const shown = computed(() => (shownId.value === null ? null : (salesById.value.get(shownId.value) ?? null)))

export function saleOf(id: string): Sale | null {
  return salesById.value.get(id) ?? null
}

export function keep(sale: Sale): void {
  salesById.value = new Map(salesById.value).set(sale.id, sale)
  write(NAME + sale.id, sale)
  for (const { id } of sales.value.slice(MOST_SALES)) remove(id)
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

function readAll(): Map<string, Sale> {
  const found = namesKept(NAME).map((name) => read<Sale>(name))
  return new Map(found.filter((sale) => sale !== null).map((sale) => [sale.id, sale]))
}
