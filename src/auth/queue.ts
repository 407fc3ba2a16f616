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
      throw tooMuch()
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

/** A queue in which each caller has a line of its own, and the lines take turns: a long one holds up nobody else's. */
export type FairQueue = {
  /**
   * @param key whose task it is
   * @throws Refusal `overloaded` when its line, or all of them together, are full; else whatever the task throws
   */
  run<Result>(key: string, task: () => Promise<Result>): Promise<Result>
}

/** @param limits.waitingEach how many tasks of one key may wait */
export function createFairQueue(limits: { atOnce: number; waiting: number; waitingEach: number }): FairQueue {
  /** The line whose turn is next comes first. */
  const lines = new Map<string, (() => void)[]>()
  let running = 0
  let waiting = 0

  const takePlace = async (key: string): Promise<void> => {
    if (running < limits.atOnce) {
      running += 1
      return
    }
    const line = lines.get(key) ?? []
    if (line.length >= limits.waitingEach || waiting >= limits.waiting) throw tooMuch()
    waiting += 1
    lines.set(key, line)
    await new Promise<void>((resolve) => line.push(resolve))
  }

  const leavePlace = (): void => {
    const [turn] = lines
    if (turn === undefined) {
      running -= 1
      return
    }
    const [key, line] = turn
    const next = line.shift()
    lines.delete(key)
    if (line.length > 0) lines.set(key, line)
    waiting -= 1
    next?.()
  }

  return {
    async run(key, task) {
      await takePlace(key)
      try {
        return await task()
      } finally {
        leavePlace()
      }
    },
  }
}

function tooMuch(): Refusal {
  return new Refusal('overloaded', 'The server has too much to do right now. Try again shortly.', {
    retryAfterSeconds: 1,
  })
}
