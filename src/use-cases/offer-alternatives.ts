import { setTimeout as delay } from 'node:timers/promises'
import { ChainUnavailable } from '../chains/chain.ts'
import type { Authorization } from '../chains/relayer.ts'
import { hasTerms, type Voucher } from '../domain/voucher.ts'
import type { VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import { type Relayable, relayableOf } from './relay-order.ts'

/** Who reads a voucher does not wait for a node that does not answer. */
const PATIENCE_MS = 1000

/**
 * Shows the payer what it can sign instead of sending the payment's transaction. A node that cannot be asked, or not soon,
 * costs the alternatives and nothing else.
 */
export async function withAlternatives(app: App, voucher: Voucher, view: VoucherView): Promise<VoucherView> {
  if (voucher.status !== 'REDEEMED' || voucher.settlement?.status === 'PENDING' || !hasTerms(voucher)) return view
  const relayable = relayableOf(app, voucher)
  if (relayable === null) return view
  const authorizations = await askSoon(relayable)
  if (authorizations.length === 0) return view
  const validBefore = new Date(relayable.order.validBeforeMs).toISOString()
  const alternatives = authorizations.map((authorization) => ({ ...authorization, validBefore }))
  return {
    ...view,
    payments: view.payments?.map((payment) =>
      payment.id === relayable.order.paymentId ? { ...payment, alternatives } : payment,
    ),
  }
}

async function askSoon({ relayer, order }: Relayable): Promise<Authorization[]> {
  const answered = new AbortController()
  const late = delay(PATIENCE_MS, [], { signal: answered.signal }).catch(() => [])
  const authorizations = await Promise.race([relayer.authorizationsOf(order).catch(noneWhileUnavailable), late])
  answered.abort()
  return authorizations
}

function noneWhileUnavailable(error: unknown): Authorization[] {
  if (error instanceof ChainUnavailable) return []
  throw error
}
