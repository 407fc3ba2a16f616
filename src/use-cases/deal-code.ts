import type { CodeDealer } from '../domain/code-dealer.ts'
import { newAlphanumCode } from '../domain/code-pool.ts'
import { Refusal } from '../domain/refusal.ts'
import type { CodeFormat } from '../protocol/codes.ts'
import { Conflict } from '../store/store.ts'
import type { App } from './app.ts'

/** How often a code that turns out to be taken is dealt anew. Clashes are frequent only where codes are nearly used up. */
const MOST_DEALS = 40

/**
 * Deals a voucher code to `use`, which commits it. The code goes back to the pool when nothing was committed.
 * @throws Refusal `codes_exhausted`, and whatever `use` throws
 */
export function withVoucherCode<T>(app: App, nowMs: number, use: (code: string) => Promise<T>): Promise<T> {
  return withCode(dealFrom(app.codes.voucher, nowMs), use)
}

/** The same for context codes, in the format that the payer wants. */
export function withContextCode<T>(
  app: App,
  format: CodeFormat,
  nowMs: number,
  use: (code: string) => Promise<T>,
): Promise<T> {
  return withCode(format === 'numeric' ? dealFrom(app.codes.context, nowMs) : RANDOM, use)
}

/** The same for session codes. */
export function withSessionCode<T>(use: (code: string) => Promise<T>): Promise<T> {
  return withCode(RANDOM, use)
}

type Dealer = { deal: () => string | null | Promise<string | null>; putBack: (code: string) => void }

function dealFrom(dealer: CodeDealer, nowMs: number): Dealer {
  return { deal: () => dealer.deal(nowMs), putBack: (code) => dealer.putBack(code) }
}

/** A billion codes are never nearly all in use, so these are simply drawn. */
const RANDOM: Dealer = { deal: newAlphanumCode, putBack: () => undefined }

async function withCode<T>(dealer: Dealer, use: (code: string) => Promise<T>): Promise<T> {
  for (let deal = 1; deal <= MOST_DEALS; deal++) {
    const code = await dealer.deal()
    if (code === null) break
    try {
      return await use(code)
    } catch (error) {
      if (!(error instanceof Conflict && error.kind === 'code')) {
        dealer.putBack(code)
        throw error
      }
    }
  }
  throw new Refusal('codes_exhausted', 'All codes are in use right now. Try again in a minute.', {
    retryAfterSeconds: 60,
  })
}
