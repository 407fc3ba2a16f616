import { useEffect, useRef } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { Address } from '../design/address.tsx'
import { Button } from '../design/controls.tsx'
import { Mark } from '../design/mark.tsx'
import { Money } from '../design/money.tsx'
import { StatusBadge } from '../design/progress.tsx'
import { Theirs } from '../design/theirs.tsx'
import { Confirmations, standingOf } from './history.tsx'
import { type Paid, paidOf, receipts } from './paid.ts'
import { PayeeName } from './request.tsx'

export function Receipts() {
  return receipts.value.map((receipt) => {
    const paid = paidOf(receipt.voucherIds)
    return paid.length > 0 && <Receipt key={receipt.voucherIds.join()} paid={paid} receipt={receipt} />
  })
}

/** What was paid, to whom and when, and how it stands by now. */
function Receipt({ paid, receipt }: { paid: readonly VoucherView[]; receipt: Paid }) {
  const card = useRef<HTMLElement>(null)
  useEffect(() => card.current?.focus(), [])
  const putAway = () => {
    receipts.value = receipts.value.filter((one) => one !== receipt)
  }
  const when = new Date(receipt.paidAtMs)
  return (
    <section class="card paid" aria-label="Receipt" tabIndex={-1} ref={card}>
      <h2 class="paid__title" aria-live="polite">
        <Mark of="good" /> {wordsFor(paid)}
      </h2>
      {paid.map((voucher) => (
        <PaidFor key={voucher.id} voucher={voucher} />
      ))}
      <p class="small muted">
        <time dateTime={when.toISOString()}>{when.toLocaleString()}</time>
      </p>
      <div class="next">
        <Button kind="main" wide onClick={putAway}>
          Done
        </Button>
      </div>
    </section>
  )
}

/** The slowest of them says how all stand. */
function wordsFor(paid: readonly VoucherView[]): string {
  if (paid.some(({ status }) => status !== 'RESOLVED')) return 'Sent, and on its way'
  const isOpen = paid.some(({ settlement }) => settlement?.status === 'PENDING')
  if (isOpen) return 'Paid'
  return paid.every(({ settlement }) => settlement?.status === 'CONFIRMED') ? 'Paid and final' : 'Paid, unverified'
}

function PaidFor({ voucher }: { voucher: VoucherView }) {
  const { expectedPayment, suppliedPayment, settlement, orderId, code, payments = [] } = voucher
  const { tone, word } = standingOf(voucher)
  const hashes = new Set(settlement?.transactions.flatMap(({ transactionHash }) => transactionHash ?? []))
  return (
    <div class="stack stack--tight">
      {expectedPayment ? <Money {...expectedPayment} big /> : <p>{payments[0]?.summary}</p>}
      <div class="row row--apart">
        <p>
          to{' '}
          <strong>
            <PayeeName voucher={voucher} />
          </strong>
        </p>
        <StatusBadge tone={tone}>{word}</StatusBadge>
      </div>
      <Confirmations voucher={voucher} />
      <dl class="ledger small">
        {suppliedPayment && (
          <div class="ledger__line">
            <dt>Paid in {suppliedPayment.currency}, at most</dt>
            <dd>
              <Money amount={suppliedPayment.maxAmount ?? suppliedPayment.amount} currency={suppliedPayment.currency} />
            </dd>
          </div>
        )}
        <div class="ledger__line">
          <dt>Voucher code</dt>
          <dd>{code}</dd>
        </div>
        {orderId && (
          <div class="ledger__line">
            <dt>Order</dt>
            <dd>
              <Theirs text={orderId} />
            </dd>
          </div>
        )}
        {expectedPayment && (
          <div class="ledger__line">
            <dt>Paid to</dt>
            <dd>
              <Address address={expectedPayment.wallet.address} />
            </dd>
          </div>
        )}
        {[...hashes].map((hash) => (
          <div class="ledger__line" key={hash}>
            <dt>Transaction</dt>
            <dd class="address">{hash}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
