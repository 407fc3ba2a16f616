import { Conflict, StoreUnavailable } from '../store.ts'
import type { Connections, Query, Row } from './connections.ts'
import { numberOf, textOf } from './rows.ts'
import { digest } from './text.ts'

/** The points of a key in its window, and when that ends, by the database's clock (Unix milliseconds) and from now. */
export type Tally = { points: number; endsAtMs: number; msLeft: number }

/**
 * Points to add to a key. Where it has no window, or the last one is over, `durationMs` says how long the new one is.
 * @param endsAtMs the end of the window that the points belong to, as a tally said; null: of whatever window there is now
 */
export type Points = { key: string; points: number; durationMs: number; endsAtMs: number | null }

/** Rows that one transaction forgets. */
const FORGET_BATCH = 500

/** What a tally consists of. */
const TALLY = 'digest, points, ends_at_ms, ends_at_ms - database_now_ms() AS ms_left'

const COUNT_GUESS = `INSERT INTO guesses AS counted (digest, points, ends_at_ms)
  VALUES ($1::uuid, 1, database_now_ms() + $2::bigint) ${orAddTo('counted')}`

/** In the order of the keys, so that nodes never lock each other out. */
const ADD_CALLS = `INSERT INTO calls AS counted (digest, points, ends_at_ms)
  SELECT digest, points, database_now_ms() + duration_ms
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[]) AS _ (digest, points, duration_ms, ends_at_ms)
  WHERE ends_at_ms IS NULL OR ends_at_ms > database_now_ms()
  ORDER BY digest ${orAddTo('counted')}`

const GUESSES = `SELECT ${TALLY} FROM guesses WHERE digest = ANY($1::uuid[]) AND ends_at_ms > database_now_ms()`

/** Counters that all nodes share, with windows by the database's clock. */
export class Counters {
  readonly #connections: Connections

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /**
   * Counts a wrong guess, durably.
   * @param durationMs how long the key's window is where this begins it
   * @throws StoreUnavailable when it may not have been counted
   */
  async countGuess(key: string, durationMs: number): Promise<Tally> {
    const [row] = await this.#ask({ name: 'countGuess', text: COUNT_GUESS, values: [digest(key), durationMs] })
    if (row === undefined) throw new Error('a counted guess has no row')
    return tallyOf(row)
  }

  /** The wrong guesses of these keys; keys without any in a window that goes on are absent. @throws StoreUnavailable */
  async guesses(keys: string[]): Promise<Map<string, Tally>> {
    return byKey(keys, await this.#ask({ name: 'guesses', text: GUESSES, values: [keys.map(digest)] }))
  }

  /**
   * Counts calls of many keys, each key once, and tells what all nodes have counted for them. Points of a window that is
   * over are dropped, and their keys absent. A crash of the database forgets calls.
   * @throws StoreUnavailable when nothing was counted, or nobody can say
   */
  async addCalls(added: Points[]): Promise<Map<string, Tally>> {
    const keys = added.map(({ key }) => key)
    const columns = [
      keys.map(digest),
      added.map(({ points }) => points),
      added.map(({ durationMs }) => durationMs),
      added.map(({ endsAtMs }) => endsAtMs),
    ]
    return byKey(keys, await this.#ask({ name: 'addCalls', text: ADD_CALLS, values: columns }))
  }

  /** Drops what is over, in batches. Rows that another node is dropping are left to it. */
  async forget(): Promise<void> {
    for (const table of ['guesses', 'calls']) {
      const text = `DELETE FROM ${table} WHERE digest IN (SELECT digest FROM ${table}
        WHERE ends_at_ms <= database_now_ms() ORDER BY ends_at_ms LIMIT ${FORGET_BATCH} FOR UPDATE SKIP LOCKED)
        RETURNING 1`
      let forgotten = FORGET_BATCH
      while (forgotten === FORGET_BATCH && this.#connections.isOpen) forgotten = (await this.#ask({ text })).length
    }
  }

  /** Points that are counted twice because a connection broke err on the safe side. */
  async #ask(query: Query): Promise<Row[]> {
    try {
      return await this.#connections.read(query)
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      throw new StoreUnavailable('A counter was kept locked.', { cause: error })
    }
  }
}

/** What an insert does with a key that has a window: adds to it, or begins a new one where it is over. */
function orAddTo(counted: string): string {
  const isOver = `${counted}.ends_at_ms <= database_now_ms()`
  return `ON CONFLICT (digest) DO UPDATE SET
    points = excluded.points + CASE WHEN ${isOver} THEN 0 ELSE ${counted}.points END,
    ends_at_ms = CASE WHEN ${isOver} THEN excluded.ends_at_ms ELSE ${counted}.ends_at_ms END
    RETURNING ${TALLY}`
}

function byKey(keys: string[], rows: Row[]): Map<string, Tally> {
  const keyOf = new Map(keys.map((key) => [digest(key), key]))
  return new Map(rows.map((row) => [keyOf.get(textOf(row, 'digest').replaceAll('-', '')) ?? '', tallyOf(row)]))
}

function tallyOf(row: Row): Tally {
  return {
    points: numberOf(row, 'points'),
    endsAtMs: numberOf(row, 'ends_at_ms'),
    msLeft: numberOf(row, 'ms_left'),
  }
}
