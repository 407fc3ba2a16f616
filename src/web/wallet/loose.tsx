import { useState } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { Button, Field } from '../design/controls.tsx'
import { Money } from '../design/money.tsx'
import { Card } from '../design/surfaces.tsx'
import { WorkButton } from './busy.tsx'
import { type Asking, deleteUnreadable, type Unreadable, unreadable } from './keep.ts'
import { unsure, wasNotSent, wasSent } from './paying.ts'
import { giveUp, sentFor, sentTooLate, voucherPaidBy } from './receipts.ts'
import { payeeName } from './request.tsx'
import { steps } from './steps.ts'

/** What was left open when a page went: only the payer can say how it ends. */
export function LooseEnds() {
  const late = sentTooLate()
  return (
    <>
      {unsure.value.map((asking) => (
        <Question key={asking.paymentIds.join()} asking={asking} />
      ))}
      {late.length > 0 && <TooLate vouchers={late} />}
    </>
  )
}

const HASH = /^0x[0-9a-f]{64}$/i

/** The wallet was asked, and its answer was not heard. */
function Question({ asking }: { asking: Asking }) {
  const [hash, setHash] = useState('')
  const voucher = voucherPaidBy(asking.paymentIds)
  const handIn = async () => {
    if (!HASH.test(hash.trim())) throw new Error('The hash of a transaction is 0x and 64 hexadecimal digits.')
    await wasSent(asking, hash.trim())
  }
  return (
    <Card title="Has this been paid already?">
      <div class="stack" role="alert">
        {voucher && <Line voucher={voucher} more={asking.paymentIds.length - 1} />}
        <p class="notice notice--wait">
          This page was left while your wallet was asked to pay.{' '}
          <strong>It may have been paid already: look in your wallet first</strong>, at its list of transactions.
        </p>
        <Field label="If it was sent: the hash of the transaction" hint="Your wallet shows it. 0x and 64 digits">
          {(control) => (
            <input
              {...control}
              class="control"
              value={hash}
              autocomplete="off"
              spellcheck={false}
              onInput={(event) => setHash(event.currentTarget.value)}
            />
          )}
        </Field>
        <div class="row">
          <WorkButton work={handIn}>It was sent: hand it in</WorkButton>
          <Button kind="plain" onClick={() => wasNotSent(asking)}>
            It was not sent
          </Button>
        </div>
      </div>
    </Card>
  )
}

/** Nobody waits for these any more. Where the chain has carried them out, they count all the same. */
function TooLate({ vouchers }: { vouchers: readonly VoucherView[] }) {
  return (
    <Card title="Signed, and not taken by the server">
      <ul class="parts">
        {vouchers.map((voucher) => {
          const receipts = sentFor(voucher.id)
          const id = receipts.length > 0 ? voucher.id : (voucher.sessionId ?? voucher.id)
          const step = steps.value.get(id)
          return (
            <li class="part stack stack--tight" key={voucher.id}>
              <Line voucher={voucher} more={0} />
              <p>
                This request is over, so this page does not send its payment again. If it went out all the same, it
                still counts, and this goes away by itself.
              </p>
              {step?.is === 'stopped' && <p class="notice">The server says: {step.why}</p>}
              {receipts.map(({ transactionHash }) => (
                <p class="small muted address" key={transactionHash}>
                  {transactionHash}
                </p>
              ))}
              <div class="row">
                <Button kind="plain" onClick={() => giveUp(id)}>
                  It never went out: forget it
                </Button>
              </div>
            </li>
          )
        })}
      </ul>
    </Card>
  )
}

function Line({ voucher, more }: { voucher: VoucherView; more: number }) {
  const { expectedPayment, payments: [payment] = [], code } = voucher
  return (
    <p>
      <strong>{payeeName(voucher)}</strong>, {code}:{' '}
      {expectedPayment ? <Money {...expectedPayment} /> : payment?.summary}
      {more > 0 && ` and ${more} more`}
    </p>
  )
}

/** What the browser kept and the page cannot read. It is put aside, and shown to whom it belongs. */
export function UnreadableNotice() {
  return unreadable.value.map((one) => (
    <div class="notice notice--bad stack stack--tight" role="alert" key={one.key}>
      <p>
        <strong>{TITLES.get(one.name) ?? 'Something that this browser kept'} cannot be read.</strong> Nothing was
        deleted: it is put aside in this browser. {adviceOf(one)}
      </p>
      <details>
        <summary>What stands there</summary>
        <p class="small address">{one.text}</p>
      </details>
      <div class="row">
        <Button kind="plain" onClick={() => deleteUnreadable(one.key)}>
          Delete it for good
        </Button>
      </div>
    </div>
  ))
}

const TITLES = new Map([
  ['account', 'The wallet that this browser kept'],
  ['sent', 'A receipt that this browser kept'],
  ['asking', 'A note that this browser kept'],
])

function adviceOf({ name }: Unreadable): string {
  if (name === 'account') return 'Set your wallet up again to go on.'
  return 'A payment may be on its way that is not shown here: look at your transactions before you pay again.'
}
