import type { FastifyRequest } from 'fastify'
import { isOwnHost } from '../auth/hosts.ts'
import { Refusal } from '../domain/refusal.ts'

/**
 * For what is open to whoever is on this machine or on its network: a page of another site must not get there in a
 * visitor's browser, by a name of its own that it has pointed here.
 * @param publicHosts the names that the operator has given the server, with ports
 * @throws Refusal `forbidden`
 */
export function assertOwnHost({ headers }: FastifyRequest, publicHosts: readonly string[]): void {
  if (isOwnHost(headers.host, publicHosts)) return
  throw new Refusal(
    'forbidden',
    'The request names a host that is not known to be this server. Use its IP address or localhost, or set publicUrl to the name.',
  )
}
