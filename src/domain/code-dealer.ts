/**
 * Deals the codes of six digits of one kind so that no code has two holders, and none has a new one while it rests.
 * Where several nodes deal from one store, what is dealt may be taken all the same: the commit tells, and the next code
 * is dealt.
 */
export interface CodeDealer {
  /**
   * @param nowMs Unix milliseconds; codes whose rest is over by then are free again
   * @returns six digits, or null where none is free
   */
  deal(nowMs: number): string | null | Promise<string | null>
  /** Takes back a dealt code that nobody has seen. */
  putBack(code: string): void
  /**
   * Takes back a code whose owner has ended: it rests first.
   * @param endedAtMs since when it rests (Unix milliseconds)
   */
  release(code: string, endedAtMs: number): void
  /** How many codes are in use, neither free nor resting; it may be a few seconds old. */
  liveCount(): number | Promise<number>
}

export type CodeDealers = { voucher: CodeDealer; context: CodeDealer }

/** How long a code rests after its owner ended, so that nobody who still has it in mind meets a stranger. */
export const CODE_REST_MS = 10 * 60 * 1000
