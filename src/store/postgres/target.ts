import type { ClientConfig } from 'pg'
import { StoreUnusable } from '../store.ts'

const DEFAULT_SCHEMA = 'sixpence'

/** Where the store is: how to connect, which schema is its own, and how to name it to the operator. */
export type Target = { config: ClientConfig; schema: string; name: string }

/**
 * Reads the URL of a database. Its `options` may name another schema (`?options=-c%20search_path%3Dshop`).
 * @throws StoreUnusable
 */
export function targetOf(url: string): Target {
  const target = parse(url)
  const given = target.searchParams.get('options') ?? ''
  const schema = /\bsearch_path=(\w+)/.exec(given)?.[1] ?? DEFAULT_SCHEMA
  // A commit that was answered must survive a crash, whatever the server's default is.
  target.searchParams.set('options', `${given} -c search_path=${schema} -c synchronous_commit=on`)
  const name = `PostgreSQL at ${target.hostname || 'this machine'}${target.port && `:${target.port}`}${target.pathname}`
  return { schema, name, config: { connectionString: target.href, fallback_application_name: 'sixpence' } }
}

function parse(url: string): URL {
  const parsed = URL.parse(url)
  if (parsed?.protocol === 'postgres:' || parsed?.protocol === 'postgresql:') return parsed
  throw new StoreUnusable('The database URL must look like postgres://user:password@host:5432/database.')
}
