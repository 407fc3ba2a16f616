import { useState } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { SearchField } from '../design/controls.tsx'
import { Money } from '../design/money.tsx'
import { Progress, StatusBadge, type Tone } from '../design/progress.tsx'
import { Card } from '../design/surfaces.tsx'
import { WorkButton } from './busy.tsx'
import { mayHaveOlder, readOlder } from './desk.ts'
import { PayeeName, payeeName } from './request.tsx'

/** Payments that are on the chain and not deep enough yet. */
export function UnderWay({ vouchers }: { vouchers: readonly VoucherView[] }) {
  if (vouchers.length === 0) return null
  return (
    <Card title="On the way">
      <ul class="parts" aria-live="polite">
        {vouchers.map((voucher) => (
          <li class="part stack" key={voucher.id}>
            <PaidLine voucher={voucher} />
            <Confirmations voucher={voucher} />
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** How deep a payment lies; nothing where nobody counts. */
export function Confirmations({ voucher: { settlement } }: { voucher: VoucherView }) {
  if (!settlement) return null
  const { confirmations, required } = settlement
  return <Progress label="Confirmations" done={confirmations} of={typeof required === 'number' ? required : null} />
}

type HistoryProps = { vouchers: readonly VoucherView[]; address: string }

/** What is over, newest first, and to be searched. */
export function History({ vouchers, address }: HistoryProps) {
  const [wanted, setWanted] = useState('')
  const [mayBeMore, setMayBeMore] = useState(true)
  const found = vouchers.filter((voucher) => isAbout(voucher, wanted))
  if (vouchers.length === 0) {
    return (
      <Card title="History">
        <p class="muted">Nothing yet. What you pay and what you refuse will stand here.</p>
      </Card>
    )
  }
  return (
    <Card title="History">
      <SearchField
        label="Search"
        hint="Payee, amount, code, order or transaction"
        value={wanted}
        onSought={setWanted}
      />
      <p class="small muted" role="status">
        {found.length === vouchers.length ? countOf(found.length) : `${found.length} of ${countOf(vouchers.length)}`}
      </p>
      <ul class="parts">
        {found.map((voucher) => (
          <li class="part stack stack--tight" key={voucher.id}>
            <PaidLine voucher={voucher} />
          </li>
        ))}
      </ul>
      {mayHaveOlder.value && mayBeMore && (
        <div class="row">
          <WorkButton work={async () => setMayBeMore(await readOlder(address))}>Look for older ones</WorkButton>
        </div>
      )}
    </Card>
  )
}

function countOf(payments: number): string {
  return payments === 1 ? '1 payment' : `${payments} payments`
}

function PaidLine({ voucher }: { voucher: VoucherView }) {
  const { expectedPayment, suppliedPayment, settlement, code, updatedAt } = voucher
  const { tone, word } = standingOf(voucher)
  const hashes = new Set(settlement?.transactions.flatMap(({ transactionHash }) => transactionHash ?? []))
  return (
    <>
      <div class="row row--apart">
        <strong>
          <PayeeName voucher={voucher} />
        </strong>
        <StatusBadge tone={tone}>{word}</StatusBadge>
      </div>
      <div class="row row--apart">
        {expectedPayment ? <Money {...expectedPayment} /> : <span>{voucher.payments?.[0]?.summary}</span>}
        <span class="small muted">
          {code} · <time dateTime={updatedAt}>{new Date(updatedAt).toLocaleString()}</time>
        </span>
      </div>
      {settlement && suppliedPayment && (
        <p class="small">
          Paid in {suppliedPayment.currency}, at most{' '}
          <Money amount={suppliedPayment.maxAmount ?? suppliedPayment.amount} currency={suppliedPayment.currency} />
        </p>
      )}
      {[...hashes].map((hash) => (
        <p class="small muted address" key={hash}>
          {hash}
        </p>
      ))}
    </>
  )
}

/** How a voucher stands, in one word. */
export function standingOf({ status, settlement, discardedBy }: VoucherView): { tone: Tone; word: string } {
  if (settlement?.status === 'CONFIRMED') return { tone: 'good', word: 'Settled' }
  if (settlement?.status === 'UNVERIFIED') return { tone: 'good', word: 'Paid, unverified' }
  if (settlement?.status === 'PENDING') return { tone: 'wait', word: status === 'RESOLVED' ? 'Paid' : 'On its way' }
  if (settlement?.status === 'FAILED') return { tone: 'bad', word: 'Failed' }
  if (status === 'DISCARDED' && discardedBy === 'payer') return { tone: 'idle', word: 'You refused it' }
  if (status === 'DISCARDED') return { tone: 'idle', word: discardedBy ? 'The shop called it off' : 'Called off' }
  if (status === 'EXPIRED') return { tone: 'idle', word: 'Expired' }
  return { tone: 'wait', word: 'Asked' }
}

function isAbout(voucher: VoucherView, wanted: string): boolean {
  const { code, expectedPayment, orderId, settlement } = voucher
  const hashes = settlement?.transactions.map(({ transactionHash }) => transactionHash) ?? []
  const amount = expectedPayment && `${expectedPayment.amount} ${expectedPayment.currency}`
  const words = [payeeName(voucher), code, orderId, amount, standingOf(voucher).word, ...hashes]
  return words.some((word) => word?.toLowerCase().includes(wanted.trim().toLowerCase()))
}
