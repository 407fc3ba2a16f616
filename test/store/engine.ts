import assert from 'node:assert/strict'
import type { ConflictKind, Store } from '../../src/store/store.ts'

/** A store under test. The engine's clock stands at `T0` when it is opened. */
export type OpenedStore = {
  store: Store
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>
  destroy(): Promise<void>
}

/** What the tests of a contract work with. */
export type Engine = {
  /** One store for the tests that look only at rows of their own. */
  readonly store: Store
  /** A store with nothing in it, for the tests that look at everything. */
  fresh: () => Promise<OpenedStore>
}

export function rejectsWith(commit: Promise<void>, kind: ConflictKind, key?: string): Promise<void> {
  return assert.rejects(commit, { name: 'Conflict', kind, ...(key !== undefined && { key }) })
}
