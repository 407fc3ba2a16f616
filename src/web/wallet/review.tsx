import type { ComponentChildren } from 'preact'
import type { VoucherReviewView, VoucherView } from '../../client/index.ts'
import { plainText } from '../../protocol/plain-text.ts'
import { groupThousands, Money } from '../design/money.tsx'

export type Payment = NonNullable<VoucherView['payments']>[number]
type Review = NonNullable<Payment['review']>
type Simulation = VoucherReviewView['payments'][number]['simulation']

/** What a payment does, all of it: what leaves, what arrives, what others may take, what it costs, and the worst case. */
export function PaymentReview({ payment }: { payment: Payment }) {
  const { review, summary } = payment
  if (review === undefined) return <p>{summary}</p>
  return (
    <div class="stack stack--tight">
      <p>{summary}</p>
      <dl class="ledger small">
        {review.leaves.map((leaves, index) => (
          <Line key={`leaves ${index}`} name="Leaves your wallet">
            <Money {...leaves} />
            {leaves.maxAmount && leaves.maxAmount !== leaves.amount && (
              <>
                , at most <Money amount={leaves.maxAmount} currency={leaves.currency} />
              </>
            )}
          </Line>
        ))}
        {review.arrives.map((arrives, index) => (
          <Line key={`arrives ${index}`} name="Arrives">
            <Money {...arrives} /> <Address address={arrives.wallet.address} />
          </Line>
        ))}
        {review.allows.map((allows, index) => (
          <Line key={`allows ${index}`} name="May be taken from then on">
            {allows.amount === null ? `any amount of ${allows.currency}` : <Money {...allows} amount={allows.amount} />}{' '}
            by <Address address={allows.spender} />
          </Line>
        ))}
        {review.fees.map((fee, index) => (
          <Line key={`fee ${index}`} name={`Of that, fee of the ${fee.to}`}>
            <Money {...fee} />
          </Line>
        ))}
        <Line name="Network fee">on top, in {review.gas.currency}</Line>
      </dl>
      <p class={review.complete ? 'small muted' : 'notice notice--wait'}>
        <strong>At worst:</strong> {review.worstCase}
      </p>
      {review.call && <CallReview call={review.call} />}
    </div>
  )
}

function Line({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="ledger__line">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Address({ address }: { address: string }) {
  return <span class="address">{address}</span>
}

type Call = NonNullable<Review['call']>

/** A call that a payee made up: in words where they are the very data, and else with a warning. */
function CallReview({ call }: { call: Call }) {
  if (!call.known) {
    return (
      <div class="notice notice--bad" role="alert">
        <p>
          <strong>Nobody can say what this does.</strong> It calls <Address address={call.contract} /> in a way that is
          not known{call.selector && ` (${call.selector})`}. It may take all that this contract was ever allowed to take
          from you.
        </p>
      </div>
    )
  }
  return (
    <dl class="ledger small">
      <Line name="Calls">
        {call.function} of <Address address={call.contract} />
      </Line>
      {call.args?.map(({ name, type, value, amount }) => (
        <Line key={name} name={name || type}>
          <bdi>{plainText(amount ?? (typeof value === 'string' ? value : JSON.stringify(value)))}</bdi>
        </Line>
      ))}
      {call.value && <Line name="Sent along">{groupThousands(call.value)}</Line>}
    </dl>
  )
}

/** Whether some of it is a call that nobody can read. */
export function isUnknown({ review }: Payment): boolean {
  return review?.call?.known === false
}

/** Why a payment is not to be signed: it would fail, or do nothing. */
export function hindranceOf({ status, reason }: Simulation): string | null {
  if (status === 'REVERTS') return reason ?? 'it would fail and cost gas'
  if (status === 'NO_EFFECT') return reason ?? 'it would move nothing'
  return null
}
