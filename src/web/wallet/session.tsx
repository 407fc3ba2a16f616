import { useEffect, useRef, useState } from 'preact/hooks'
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
  const { plan, isCurrent } = usePlan(first?.sessionId ?? '', vouchers, address)
  const change = useChange(vouchers)
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
      <div aria-live="polite">{change !== null && <p class="notice notice--wait">{change}</p>}</div>
      {plan && <PayAll plan={plan} isCurrent={isCurrent} vouchers={vouchers} />}
    </Card>
  )
}

type PayAllProps = { plan: SessionPaymentsView; isCurrent: boolean; vouchers: readonly VoucherView[] }

/** Pays what the plan names, where that is what stands on the screen: no more, and nothing that was added since. */
function PayAll({ plan, isCurrent, vouchers }: PayAllProps) {
  const step = steps.value.get(plan.sessionId)
  const isUnderWay = isBusyWith(plan.sessionId)
  const isTogether = useCanBatch(plan)
  const planned = new Set(plan.vouchers.map(({ voucherId }) => voucherId))
  const listed = vouchers.filter(({ id }) => planned.has(id))
  const isAllShown = isCurrent && listed.length === planned.size
  const shown = listed.flatMap(({ payments = [] }) => payments)
  const paymentIds = shown.map(({ id }) => id)
  const [accepted, setAccepted] = useState('')
  const unknown = shown.filter(isUnknown).map(({ id }) => id)
  const isAccepted = accepted === unknown.join()
  const calls = sentTogether(paymentIds)
  const hasUnknown = unknown.length > 0
  const hindrances = isTogether ? plan.batches.map(({ simulation }) => hindranceOf(simulation)) : []
  // What was sent has perhaps moved already what it would move.
  const hindrance = calls ? null : (hindrances.find((reason) => reason !== null) ?? null)
  const expired = plan.separate.filter(({ reason }) => reason === 'quote_expired')
  return (
    <>
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
          <input type="checkbox" checked={isAccepted} onChange={() => setAccepted(isAccepted ? '' : unknown.join())} />I
          know all these contracts, and what they do with my money.
        </label>
      )}
      <StepNotice step={step} id={plan.sessionId} sent={calls ? [calls] : []} />
      {wallet.value !== null && hindrance === null && (
        <div class="next">
          <Button
            kind="main"
            wide
            disabled={
              isUnderWay || !isAllShown || isUnsure(paymentIds) || expired.length > 0 || (hasUnknown && !isAccepted)
            }
            onClick={() => void paySession(plan, shown)}
          >
            {calls ? 'Send them again' : isAllShown ? payAllLabel(plan, isTogether) : 'Reading the new list…'}
          </Button>
        </div>
      )}
    </>
  )
}

function payAllLabel({ vouchers }: SessionPaymentsView, isTogether: boolean): string {
  return `Pay all ${vouchers.length}${isTogether ? ' with one signature' : ', one after the other'}`
}

function codeOf({ vouchers }: SessionPaymentsView, wanted: string): string {
  return vouchers.find(({ voucherId }) => voucherId === wanted)?.code ?? ''
}

/** Which vouchers these are, and as of when. */
function stateOf(vouchers: readonly VoucherView[]): string {
  return vouchers.map(({ id, version }) => `${id} ${version}`).join()
}

/** What has changed since the payer began to read, in words; null where nothing has. */
function useChange(vouchers: readonly VoucherView[]): string | null {
  const before = useRef(vouchers)
  const [change, setChange] = useState<string | null>(null)
  const state = stateOf(vouchers)
  useEffect(() => {
    const words = changeBetween(before.current, vouchers)
    before.current = vouchers
    if (words !== '') setChange(`This has changed: ${words}. Read it again before you pay.`)
  }, [state])
  return change
}

function changeBetween(before: readonly VoucherView[], now: readonly VoucherView[]): string {
  const known = new Map(before.map((voucher) => [voucher.id, voucher]))
  const left = new Set(now.map(({ id }) => id))
  const isOther = (voucher: VoucherView) => {
    const earlier = known.get(voucher.id)
    return earlier !== undefined && JSON.stringify(earlier.payments) !== JSON.stringify(voucher.payments)
  }
  return [
    ...now.filter(({ id }) => !known.has(id)).map(({ code }) => `request ${code} was added`),
    ...before.filter(({ id }) => !left.has(id)).map(({ code }) => `request ${code} is not to be paid any more`),
    ...now.filter(isOther).map(({ code }) => `request ${code} asks for something else`),
  ].join(', ')
}

type Known = { plan: SessionPaymentsView; state: string }

/** Asked anew whenever something about the session's vouchers has changed; until the answer is there, it is not current. */
function usePlan(sessionId: string, vouchers: readonly VoucherView[], address: string) {
  const [known, setKnown] = useState<Known | null>(null)
  const state = `${address} ${stateOf(vouchers)}`
  useEffect(() => {
    let isCurrent = true
    const ask = async () => {
      const asked = await payer.value?.getSessionPayments(sessionId, { wallet: address }).catch(() => null)
      if (isCurrent) setKnown(asked ? { plan: asked, state } : null)
    }
    void ask()
    return () => {
      isCurrent = false
    }
  }, [sessionId, state])
  return { plan: known?.plan ?? null, isCurrent: known?.state === state }
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
