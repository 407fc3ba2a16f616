import { useEffect, useState } from 'preact/hooks'
import type { SessionPaymentsView, SessionView, VoucherView } from '../../client/index.ts'
import { formatAmount, parseAmount } from '../../protocol/amounts.ts'
import { CodeDisplay } from '../design/codes.tsx'
import { Button } from '../design/controls.tsx'
import { Money } from '../design/money.tsx'
import { Card } from '../design/surfaces.tsx'
import { currencies, payer } from './desk.ts'
import { isUnsure, paySession } from './paying.ts'
import { sentTogether } from './receipts.ts'
import { PayeeName, RequestBody, StepNotice } from './request.tsx'
import { hindranceOf, isUnknown } from './review.tsx'
import { isBusyWith, steps } from './steps.ts'
import { wallet } from './wallets.ts'

type SessionProps = { session: SessionView | null; vouchers: readonly VoucherView[]; address: string }

/** All that is to be paid in a session: read one by one, paid with one signature where the wallet can. */
export function Session({ session, vouchers, address }: SessionProps) {
  const [first] = vouchers
  const named = session?.payeeInfo ? session : (first ?? {})
  const plan = usePlan(first?.sessionId ?? '', vouchers, address)
  return (
    <Card
      title={
        <>
          <PayeeName voucher={named} /> asks for {vouchers.length} payments
        </>
      }
    >
      {session !== null && (
        <div class="stack stack--tight">
          <CodeDisplay code={session.code} label="Session code" small />
          <p class="small muted">The payee’s screen must show the same code.</p>
        </div>
      )}
      <dl class="ledger">
        {totals(vouchers).map(({ currency, amount }) => (
          <div class="ledger__line" key={currency}>
            <dt>Asked in all</dt>
            <dd>
              <Money amount={amount} currency={currency} />
            </dd>
          </div>
        ))}
      </dl>
      <ol class="parts">
        {vouchers.map((voucher) => (
          <li key={voucher.id} class="part">
            <h3>{voucher.payeeInfo ? <PayeeName voucher={voucher} /> : `Request ${voucher.code}`}</h3>
            <RequestBody voucher={voucher} address={address} />
          </li>
        ))}
      </ol>
      {plan && <PayAll plan={plan} vouchers={vouchers} />}
    </Card>
  )
}

function PayAll({ plan, vouchers }: { plan: SessionPaymentsView; vouchers: readonly VoucherView[] }) {
  const step = steps.value.get(plan.sessionId)
  const isUnderWay = isBusyWith(plan.sessionId)
  const isTogether = useCanBatch(plan)
  const [isAccepted, setIsAccepted] = useState(false)
  const shown = vouchers.flatMap(({ payments = [] }) => payments)
  const paymentIds = shown.map(({ id }) => id)
  const calls = sentTogether(paymentIds)
  const hasUnknown = shown.some(isUnknown)
  const hindrances = isTogether ? plan.batches.map(({ simulation }) => hindranceOf(simulation)) : []
  // What was sent has perhaps moved already what it would move.
  const hindrance = calls ? null : (hindrances.find((reason) => reason !== null) ?? null)
  const expired = plan.separate.filter(({ reason }) => reason === 'quote_expired')
  return (
    <div class="stack">
      {plan.separate.map(({ voucherId, detail }) => (
        <p class="small muted" key={voucherId}>{`Request ${codeOf(plan, voucherId)} is paid by itself: ${detail}`}</p>
      ))}
      {hindrance !== null && (
        <p class="notice notice--bad" role="alert">
          <strong>Paying all together would fail, so there is nothing to sign</strong>: {hindrance}. Refuse the request
          that is to blame, or pay the others one by one.
        </p>
      )}
      {hasUnknown && hindrance === null && (
        <label class="check">
          <input type="checkbox" checked={isAccepted} onChange={() => setIsAccepted(!isAccepted)} />I know all these
          contracts, and what they do with my money.
        </label>
      )}
      <StepNotice step={step} id={plan.sessionId} sent={calls ? [calls] : []} />
      {wallet.value !== null && hindrance === null && (
        <Button
          kind="main"
          wide
          disabled={isUnderWay || isUnsure(paymentIds) || expired.length > 0 || (hasUnknown && !isAccepted)}
          onClick={() => void paySession(plan, shown)}
        >
          {calls ? 'Send them again' : payAllLabel(plan, isTogether)}
        </Button>
      )}
    </div>
  )
}

function payAllLabel({ vouchers }: SessionPaymentsView, isTogether: boolean): string {
  return `Pay all ${vouchers.length}${isTogether ? ' with one signature' : ', one after the other'}`
}

function codeOf({ vouchers }: SessionPaymentsView, wanted: string): string {
  return vouchers.find(({ voucherId }) => voucherId === wanted)?.code ?? ''
}

/** Asked anew whenever something about the session's vouchers has changed. */
function usePlan(sessionId: string, vouchers: readonly VoucherView[], address: string): SessionPaymentsView | null {
  const [plan, setPlan] = useState<SessionPaymentsView | null>(null)
  const state = vouchers.map(({ id, version }) => `${id} ${version}`).join()
  useEffect(() => {
    let isCurrent = true
    const ask = async () => {
      const asked = await payer.value?.getSessionPayments(sessionId, { wallet: address }).catch(() => null)
      if (isCurrent) setPlan(asked ?? null)
    }
    void ask()
    return () => {
      isCurrent = false
    }
  }, [sessionId, state, address])
  return plan
}

/** Whether the wallet can make all calls of a batch in one transaction. */
function useCanBatch({ batches }: SessionPaymentsView): boolean {
  const [canBatch, setCanBatch] = useState(false)
  const chainId = batches.find(({ paymentIds }) => paymentIds.length > 1)?.chainId
  const { value: signer } = wallet
  useEffect(() => {
    let isCurrent = true
    const ask = async () => {
      const can = chainId !== undefined && (await signer?.batch?.isPossible(chainId).catch(() => false))
      if (isCurrent) setCanBatch(can === true)
    }
    void ask()
    return () => {
      isCurrent = false
    }
  }, [chainId, signer])
  return canBatch
}

/** What is asked for, by currency. */
function totals(vouchers: readonly VoucherView[]): { currency: string; amount: string }[] {
  const units = new Map<string, bigint>()
  for (const { expectedPayment } of vouchers) {
    const key = expectedPayment && keyOf({ ...expectedPayment, address: expectedPayment.currencyAddress })
    const listed = currencies.value.find((currency) => keyOf(currency) === key)
    const amount = listed && expectedPayment && parseAmount(expectedPayment.amount, listed.decimals)
    if (key !== undefined && typeof amount === 'bigint') units.set(key, (units.get(key) ?? 0n) + amount)
  }
  return currencies.value.flatMap((currency) => {
    const total = units.get(keyOf(currency))
    return total === undefined ? [] : [{ currency: currency.symbol, amount: formatAmount(total, currency.decimals) }]
  })
}

function keyOf({ network, address }: { network: string; address: string }): string {
  return `${network} ${address}`
}
