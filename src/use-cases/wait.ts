import type { Chain } from '../chains/chain.ts'

/** How long a look waits for a new head before it looks all the same. */
const LOOK_INTERVAL_MS = 500

/** Resolves at the next head of the chain, or after a moment: whichever comes first. */
export function nextLook(chain: Chain): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      clearTimeout(timer)
      stop()
      resolve()
    }
    const stop = chain.onHead(look)
    const timer = setTimeout(look, LOOK_INTERVAL_MS)
  })
}
