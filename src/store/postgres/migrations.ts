import { readFileSync } from 'node:fs'

/** The schema, step by step. A step that was released is never edited: a change is a new step at the end. */
const STEPS = [
  '1-tables.sql',
  '2-commit.sql',
  '3-events-of-parties.sql',
  '4-leases.sql',
  '5-webhooks.sql',
  '6-secrets-and-counters.sql',
  '7-resting-codes.sql',
  '8-relay-queues.sql',
  '9-who-comes-first.sql',
  '10-what-is-asked.sql',
  '11-what-lists-filter-by.sql',
  '12-what-is-watched.sql',
]

/** The schema that this program writes. */
export const SCHEMA_VERSION = STEPS.length

/** The SQL that brings a store from the schema `from` to `SCHEMA_VERSION`; null where there is nothing to do. */
export function migrationFrom(from: number): string | null {
  if (from === SCHEMA_VERSION) return null
  const steps = STEPS.slice(from).map((file) => readFileSync(new URL(`migrations/${file}`, import.meta.url), 'utf8'))
  return [...steps, `UPDATE sixpence_store SET schema_version = ${SCHEMA_VERSION}`].join(';\n')
}
