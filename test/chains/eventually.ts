import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until a probe finds something.
 * @param probe gives undefined, null or false for "not yet"
 */
export async function eventually<Found>(
  what: string,
  probe: () => Promise<Found | undefined | null | false>,
  withinMs = 15_000,
): Promise<Found> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await delay(20)
  }
}
