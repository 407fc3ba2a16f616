import type { Store } from '../store.ts'
import type { Query } from './connections.ts'

/** Enabled endpoints whose owner is among these payers or payees. */
export function listeningQuery(payerIds: string[], payeeIds: string[]): Query {
  return {
    name: 'listeningEndpoints',
    text: `SELECT row, body FROM webhook_endpoints WHERE enabled = 1 AND payer_id = ANY ($1::text[])
      UNION SELECT row, body FROM webhook_endpoints WHERE enabled = 1 AND payee_id = ANY ($2::text[])
      ORDER BY row`,
    values: [payerIds, payeeIds],
  }
}

type CallableFilter = Parameters<Store['callableEndpoints']>[0]

/**
 * Enabled endpoints that do not rest and have something due. It steps from endpoint to endpoint over the index of what
 * waits, so that a long line costs no more than a short one.
 */
export function callableQuery({ nowMs, failing, limit }: CallableFilter): Query {
  const firstAfter = (bound: string) =>
    `(SELECT endpoint_id FROM webhook_deliveries WHERE due_at_ms IS NOT NULL${bound} ORDER BY endpoint_id LIMIT 1)`
  return {
    name: 'callableEndpoints',
    text: `WITH RECURSIVE waiting (endpoint_id) AS (
        SELECT ${firstAfter('')}
        UNION ALL SELECT ${firstAfter(' AND endpoint_id > waiting.endpoint_id')} FROM waiting WHERE endpoint_id IS NOT NULL
      )
      SELECT body FROM (
        SELECT endpoint.body, (
          SELECT due_at_ms FROM webhook_deliveries
          WHERE endpoint_id = endpoint.id AND due_at_ms IS NOT NULL ORDER BY due_at_ms LIMIT 1
        ) AS due_at_ms
        FROM waiting JOIN webhook_endpoints AS endpoint ON endpoint.id = waiting.endpoint_id
        WHERE endpoint.enabled = 1 AND endpoint.failing = $3 AND coalesce(endpoint.paused_until_ms <= $1, TRUE)
      ) AS callable WHERE due_at_ms <= $1 ORDER BY due_at_ms LIMIT $2`,
    values: [nowMs, limit, Number(failing)],
  }
}

/** What an endpoint may be sent now: of each subject the earliest that is still to be sent. */
export function dueQuery(endpointId: string, nowMs: number, limit: number): Query {
  return {
    name: 'dueDeliveries',
    text: `SELECT body FROM webhook_deliveries AS due
      WHERE endpoint_id = $1 AND due_at_ms <= $2 AND NOT EXISTS (
        SELECT FROM webhook_deliveries AS earlier
        WHERE earlier.endpoint_id = due.endpoint_id AND earlier.subject_id = due.subject_id
          AND earlier.due_at_ms IS NOT NULL AND earlier.row < due.row
      )
      ORDER BY due_at_ms, row LIMIT $3`,
    values: [endpointId, nowMs, limit],
  }
}

/** Forgets some deliveries of endpoints that were deleted. */
export const FORGET_ORPHANS = `DELETE FROM webhook_deliveries WHERE id IN (
  SELECT delivery.id FROM webhook_endpoints AS endpoint
    JOIN webhook_deliveries AS delivery ON delivery.endpoint_id = endpoint.id
  WHERE endpoint.deleted_at_ms IS NOT NULL LIMIT $1) RETURNING 1`
