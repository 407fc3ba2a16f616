import { Refusal } from '../domain/refusal.ts'

/** Lets few tasks run at once; further ones wait in line, and a line that is too long turns them away. */
export type Queue = {
  /** @throws Refusal `overloaded` when the line is full; else whatever the task throws */
  run<Result>(task: () => Promise<Result>): Promise<Result>
}

/**
 * @param limits.atOnce how many tasks run at the same time
 * @param limits.waiting how many more may wait
 */
export function createQueue(limits: { atOnce: number; waiting: number }): Queue {
  const line: (() => void)[] = []
  let running = 0

  const takePlace = async (): Promise<void> => {
    if (running < limits.atOnce) {
      running += 1
      return
    }
    if (line.length >= limits.waiting) {
      throw new Refusal('overloaded', 'The server has too much to do right now. Try again shortly.', {
        retryAfterSeconds: 1,
      })
    }
    await new Promise<void>((resolve) => line.push(resolve))
  }

  // The place goes straight to whoever waits: were it freed first, a newcomer could take it as well.
  const leavePlace = (): void => {
    const next = line.shift()
    if (next === undefined) running -= 1
    else next()
  }

  return {
    async run(task) {
      await takePlace()
      try {
        return await task()
      } finally {
        leavePlace()
      }
    },
  }
}
