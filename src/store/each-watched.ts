import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Store, WatchedVoucher } from './store.ts'

/** Notes that are read in one turn. */
const PAGE_SIZE = 1000

/** All that is watched, as notes; one that changes meanwhile comes again. Others have their turns between the pages. */
export async function* eachWatched(store: Pick<Store, 'watched'>): AsyncGenerator<WatchedVoucher> {
  let after: WatchedVoucher | null = null
  do {
    const page: WatchedVoucher[] = await store.watched(PAGE_SIZE, after)
    yield* page
    after = page.length < PAGE_SIZE ? null : (page.at(-1) ?? null)
    if (after !== null) await nextTurn()
  } while (after !== null)
}
