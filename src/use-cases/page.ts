import type { PageQuery } from '../protocol/schemas.ts'
import type { Page } from '../store/store.ts'

const DEFAULT_LIMIT = 100

/** The slice that a list's query asks for. */
export function pageOf(query: PageQuery): Page {
  return {
    limit: query.limit ?? DEFAULT_LIMIT,
    offset: query.offset ?? 0,
    sinceMs: query.since ?? null,
    untilMs: query.until ?? null,
  }
}
