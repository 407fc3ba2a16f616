import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PageQuery } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'

const DEFAULT_LIMIT = 100

/** A page holds no more than this, but for a single row that is larger. A thousand ordinary vouchers fit in. */
export const MAX_PAGE_BYTES = 2 * 1024 * 1024

/** Rows of about this many bytes are read and put into words in one turn of the event loop. */
const SLICE_BYTES = 128 * 1024
const FIRST_SLICE_ROWS = 16
const MAX_SLICE_ROWS = 256

/** The slice that a list's query asks for. */
export function pageOf(query: PageQuery): Page {
  return {
    limit: query.limit ?? DEFAULT_LIMIT,
    offset: query.offset ?? 0,
    sinceMs: query.since ?? null,
    untilMs: query.until ?? null,
  }
}

/** A page of a list: its rows as JSON, and what of the query differs for the next one; null where there is none. */
export type Listed = { rows: string[]; next: Pick<PageQuery, 'until' | 'offset'> | null }

/**
 * A page of a list that is newest first, which ends at the query's limit or at the most that a page may hold. It is read in
 * slices, between which others have their turns; after the first moment that it shows, it goes on from that moment
 * rather than by counting, so that new rows shift nothing and what lies deep costs no more than what lies on top.
 * @param read reads a slice
 * @param view how a row is shown
 */
export async function listPage<Row extends { createdAtMs: number }>(
  query: PageQuery,
  read: (slice: Page) => Promise<Row[]>,
  view: (row: Row) => unknown,
): Promise<Listed> {
  const asked = pageOf(query)
  const place = new Place(asked)
  const page = await collect({
    limit: asked.limit,
    read: (limit) => read({ ...asked, ...place.now, limit }),
    view,
    take: ({ createdAtMs }) => place.pass(createdAtMs),
  })
  if (!page.isCut) return { rows: page.rows, next: null }
  const { untilMs, offset } = place.now
  return { rows: page.rows, next: { offset, ...(untilMs !== null && { until: untilMs }) } }
}

/** Where a list that is newest first is to be read on. */
class Place {
  #untilMs: number | null
  #offset: number
  /** When the last row that was passed came to be; null before the first. */
  #lastMs: number | null = null
  #firstMs: number | null = null

  constructor({ untilMs, offset }: Page) {
    this.#untilMs = untilMs
    this.#offset = offset
  }

  get now(): Pick<Page, 'untilMs' | 'offset'> {
    return { untilMs: this.#untilMs, offset: this.#offset }
  }

  /** How many rows of the first moment were left out before is not known: within it, rows are counted. */
  pass(createdAtMs: number): void {
    this.#firstMs ??= createdAtMs
    if (createdAtMs === this.#firstMs || createdAtMs === this.#lastMs) {
      this.#offset += 1
    } else {
      this.#untilMs = createdAtMs + 1
      this.#offset = 1
    }
    this.#lastMs = createdAtMs
  }
}

/**
 * Collects rows as JSON, until there are no more, as many as the limit says, or as many bytes as a page holds.
 * @returns `isCut`: there are more
 */
export async function collect<Row>(input: {
  limit: number
  /** Reads the next rows, this many at most. */
  read: (limit: number) => Promise<Row[]>
  /** Undefined: the row is passed by. */
  view: (row: Row) => unknown
  /** Hears of each row that is on the page or passed by. */
  take: (row: Row) => void
}): Promise<{ rows: string[]; isCut: boolean }> {
  const { limit, read, view, take } = input
  const rows: string[] = []
  let bytes = 0
  for (let sliceRows = FIRST_SLICE_ROWS; ; ) {
    const wanted = Math.min(sliceRows, limit + 1 - rows.length)
    const slice = await read(wanted)
    let sliceBytes = 0
    let shownRows = 0
    for (const row of slice) {
      const shown = view(row)
      if (shown !== undefined) {
        if (rows.length === limit) return { rows, isCut: true }
        const text = JSON.stringify(shown)
        const size = Buffer.byteLength(text)
        if (rows.length > 0 && bytes + size > MAX_PAGE_BYTES) return { rows, isCut: true }
        rows.push(text)
        bytes += size
        sliceBytes += size
        shownRows += 1
      }
      take(row)
    }
    if (slice.length < wanted) return { rows, isCut: false }
    sliceRows = nextSliceRows(sliceBytes / shownRows)
    await nextTurn()
  }
}

/** @param bytesOfRow NaN where no row was shown, and nothing is known of their size */
function nextSliceRows(bytesOfRow: number): number {
  if (Number.isNaN(bytesOfRow)) return FIRST_SLICE_ROWS
  return Math.min(MAX_SLICE_ROWS, Math.max(1, Math.floor(SLICE_BYTES / bytesOfRow)))
}
