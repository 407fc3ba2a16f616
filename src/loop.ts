/** Something that runs again and again in the background. */
export type Loop = {
  /** Runs it now rather than after the pause; while it runs, once more after that. */
  wake: () => void
  /** Lets the running turn end and starts no other. */
  stop: () => Promise<void>
}

/**
 * Runs `turn`, pauses, and runs it again. Turns never overlap, and a turn that fails does not end the loop.
 * @param onError hears of each failed turn
 */
export function startLoop(turn: () => Promise<void>, pauseMs: number, onError: (error: unknown) => void): Loop {
  let stopped = false
  let woken = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const run = async () => {
    timer = undefined
    try {
      do {
        woken = false
        await turn()
      } while (woken && !stopped)
    } catch (error) {
      onError(error)
    }
    if (!stopped) timer = setTimeout(start, pauseMs)
  }
  const start = () => {
    running = run()
  }
  start()

  return {
    wake: () => {
      woken = true
      if (timer === undefined || stopped) return
      clearTimeout(timer)
      start()
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
