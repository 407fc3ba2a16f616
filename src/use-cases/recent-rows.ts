import { LRUCache } from 'lru-cache'
import type { Context } from '../domain/context.ts'
import type { Voucher } from '../domain/voucher.ts'
import type { Change, Store } from '../store/store.ts'

/** Where a decision finds the rows that it is about. */
export type Rows = Pick<Store, 'context' | 'voucher'>

const MOST_OF_EACH = 10_000

/**
 * Contexts and vouchers as this node wrote or read them last. Another node may have changed them since, so they are good
 * for one thing only: a decision that is going to be committed. The commit names the versions that it builds on, and
 * loses where they are old. Nobody is ever shown a row from here.
 */
export class RecentRows {
  readonly #store: Rows
  readonly #contexts = new LRUCache<string, Context>({ max: MOST_OF_EACH })
  readonly #vouchers = new LRUCache<string, Voucher>({ max: MOST_OF_EACH })

  constructor(store: Rows) {
    this.#store = store
  }

  /** Notes what a commit has written. A voucher that has ended takes part in no further decision of this kind. */
  note({ contexts = [], vouchers = [] }: Change): void {
    for (const context of contexts) this.#contexts.set(context.id, context)
    for (const voucher of vouchers) {
      if (voucher.status === 'RESERVED') this.#vouchers.set(voucher.id, voucher)
      else this.#vouchers.delete(voucher.id)
    }
  }

  /** What is known of a row, or else the stored one. `isOld` tells whether any of what was given may be old. */
  recall(): Rows & { isOld: () => boolean } {
    let isOld = false
    const recalled = <Row>(row: Row | undefined): Row | undefined => {
      isOld ||= row !== undefined
      return row
    }
    return {
      isOld: () => isOld,
      context: async (id) => recalled(this.#contexts.get(id)) ?? this.#readContext(id),
      voucher: async (id) => recalled(this.#vouchers.get(id)) ?? this.#store.voucher(id),
    }
  }

  /** The stored rows, for whoever has lost with older ones. */
  reread(): Rows {
    return { context: (id) => this.#readContext(id), voucher: (id) => this.#store.voucher(id) }
  }

  async #readContext(id: string): Promise<Context | null> {
    const context = await this.#store.context(id)
    if (context !== null) this.#contexts.set(id, context)
    return context
  }
}
