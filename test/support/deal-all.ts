import type { CodeDealer } from '../../src/domain/code-dealer.ts'

/**
 * Leaves no code to deal.
 * @returns the codes that were free
 */
export async function dealAll(dealer: CodeDealer, nowMs: number): Promise<Set<string>> {
  const dealt = new Set<string>()
  for (;;) {
    const dealing = dealer.deal(nowMs)
    // Waiting a million times for what is there already takes seconds.
    const code = dealing instanceof Promise ? await dealing : dealing
    if (code === null) return dealt
    dealt.add(code)
  }
}
