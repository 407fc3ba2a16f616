import { setImmediate as endOfTurn } from 'node:timers/promises'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { MakeLimiter } from './limiter.ts'
import { createQueue } from './queue.ts'
import { counted, type SharedCounters, type Tally } from './shared-counters.ts'

/**
 * Limiters of guesses that several servers share. Each guess counts in the memory of its server first, in the turn of the
 * event loop in which it comes, and then in the shared counter, exactly. So of wrong guesses ten in all are answered,
 * wherever they come. A right one among guesses that come to all servers at once is found by the shared counter only once
 * wrong ones before it have reached that; by then each server has answered ten at most.
 *
 * What the shared counter has used up is used up in memory too, for as long: whoever goes on costs no further question.
 */
export function makeSharedGuessLimiter(counters: Pick<SharedCounters, 'countGuess' | 'guesses'>): MakeLimiter {
  const tallyOf = joined((keys) => counters.guesses(keys))

  return ({ keyPrefix, points, duration }) => {
    const local = new RateLimiterMemory({ keyPrefix, points, duration })
    const sharedKey = (key: string) => `${keyPrefix}:${key}`
    const noted = async (key: string, tally: Tally) => {
      if (tally.points >= points) await local.block(key, tally.msLeft / 1000)
      return counted(points, tally.points, tally.msLeft)
    }

    return {
      points,
      async get(key) {
        const here = await local.get(key)
        if (here !== null && here.consumedPoints >= points && here.msBeforeNext > 0) return here
        const tally = await tallyOf(sharedKey(key))
        return tally === undefined ? here : noted(key, tally)
      },
      async consume(key) {
        await local.consume(key)
        const tally = await counters.countGuess(sharedKey(key), duration * 1000)
        const result = await noted(key, tally)
        if (tally.points > points) throw result
        return result
      },
    }
  }
}

/** Two, so that one which a broken connection holds up does not hold up all. */
const QUESTIONS_AT_ONCE = 2

/** Every call that names a code asks, so all that is asked while questions are under way makes one question more. */
function joined<Answer>(ask: (keys: string[]) => Promise<Map<string, Answer>>) {
  const questions = createQueue({ atOnce: QUESTIONS_AT_ONCE, waiting: 1 })
  let next: { keys: Set<string>; answers: Promise<Map<string, Answer>> } | null = null

  const begin = () => {
    const keys = new Set<string>()
    const answers = questions.run(async () => {
      await endOfTurn()
      next = null
      return ask([...keys])
    })
    return { keys, answers }
  }

  return async (key: string): Promise<Answer | undefined> => {
    next ??= begin()
    next.keys.add(key)
    return (await next.answers).get(key)
  }
}
