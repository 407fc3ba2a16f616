import { useEffect, useState } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { quotable } from '../../protocol/plain-text.ts'
import { CodeDisplay } from '../design/codes.tsx'
import { Button } from '../design/controls.tsx'
import { Money } from '../design/money.tsx'
import { Countdown } from '../design/progress.tsx'
import { Card } from '../design/surfaces.tsx'
import { Theirs } from '../design/theirs.tsx'
import { WorkButton } from './busy.tsx'
import { payer } from './desk.ts'
import { Exchange, useIsQuoteOver } from './exchange.tsx'
import { MeansOf } from './means.tsx'
import { gaslessTransfer, isUnsure, payGasless, payVoucher, refuse } from './paying.ts'
import { giveUp, sentFor, sentTogether } from './receipts.ts'
import { hindranceOf, isUnknown, PaymentReview } from './review.tsx'
import { isBusyWith, type Step, steps } from './steps.ts'
import { serverNowMs } from './time.ts'
import { account, wallet } from './wallets.ts'

/** Something that a payee asks for, on its own. */
export function Request({ voucher, address }: { voucher: VoucherView; address: string }) {
  return (
    <Card
      title={
        <>
          <PayeeName voucher={voucher} /> asks for a payment
        </>
      }
    >
      <RequestBody voucher={voucher} address={address} isMain />
    </Card>
  )
}

const NAMELESS = 'A payee without a name'

/** The name that the payee gives itself, to be searched. Nobody has proven it. */
export function payeeName({ payeeInfo }: Pick<VoucherView, 'payeeInfo'>): string {
  const name = typeof payeeInfo?.name === 'string' ? quotable(payeeInfo.name) : ''
  return name === '' ? NAMELESS : name
}

/** The same, to be read: in quotes where it is the payee's own word. */
export function PayeeName({ voucher }: { voucher: Pick<VoucherView, 'payeeInfo'> }) {
  const name = payeeName(voucher)
  return name === NAMELESS && voucher.payeeInfo?.name !== NAMELESS ? name : <Theirs text={name} />
}

type BodyProps = { voucher: VoucherView; address: string; isMain?: boolean }

/** Who asks, for what, what it does to the wallet; and to pay or to refuse it. */
export function RequestBody({ voucher, address, isMain = false }: BodyProps) {
  const { expectedPayment, payments = [], code, expiresAt, orderId, settlement } = voucher
  return (
    <div class="stack">
      {expectedPayment && <Money amount={expectedPayment.amount} currency={expectedPayment.currency} big={isMain} />}
      <div class="stack stack--tight">
        <div class="row row--apart">
          <CodeDisplay code={code} label="Voucher code" small />
          {settlement === undefined && (
            <p>
              Time left: <Countdown untilMs={Date.parse(expiresAt)} nowMs={serverNowMs} />
            </p>
          )}
        </div>
        <p class="small muted">The payee’s screen must show the same code.</p>
        {orderId && (
          <p class="small muted">
            Order <Theirs text={orderId} />
          </p>
        )}
      </div>
      <PayeeWords voucher={voucher} />
      <MovedAlready voucher={voucher} />
      {settlement?.status === 'FAILED' && !voucher.mayStillBeMined && (
        <div class="notice notice--bad" role="alert">
          <p>
            <strong>The payment did not settle</strong>: {settlement.failure ?? 'the chain did not carry it out'}. The
            payee has not been paid. Look in your wallet what became of the transaction, and pay again; or ask for a new
            price first, where you pay in another currency.
          </p>
        </div>
      )}
      {payments.map((payment, index) => (
        <div key={payment.id} class="stack stack--tight">
          {payments.length > 1 && <h3>{`Step ${index + 1} of ${payments.length}`}</h3>}
          <PaymentReview payment={payment} />
        </div>
      ))}
      <Exchange voucher={voucher} address={address} />
      <MeansOf voucher={voucher} />
      <Decision voucher={voucher} address={address} isMain={isMain} />
    </div>
  )
}

/** What the payer should know before it pays again: what may still be mined, and what the payee has got already. */
function MovedAlready({
  voucher: { mayStillBeMined = [], observedPayments = [], settlement },
}: {
  voucher: VoucherView
}) {
  if (mayStillBeMined.length === 0 && observedPayments.length === 0) return null
  return (
    <div class="notice notice--bad" role="alert">
      {mayStillBeMined.map((hash) => (
        <p key={hash}>
          <strong>A payment of yours may still go through</strong>: transaction <span class="address">{hash}</span> is
          not in a block{settlement?.failure ? ` (${settlement.failure})` : ''}. If you pay now, you may pay twice.
          Speed it up or cancel it in your wallet first, or wait.
        </p>
      ))}
      {observedPayments.map(({ transactionHash, amount, detail }, index) => (
        <p key={`${transactionHash} ${index}`}>
          <strong>{amount === null ? 'Something' : amount} may have reached the payee already</strong> by transaction{' '}
          <span class="address">{transactionHash}</span>, which does not count: {detail}. Talk to the payee before you
          pay again.
        </p>
      ))}
    </div>
  )
}

/** What else the payee wants the payer to see. */
function PayeeWords({ voucher: { payeeInfo = {} } }: { voucher: VoucherView }) {
  const words = Object.entries(payeeInfo).filter(([name, value]) => name !== 'name' && typeof value === 'string')
  if (words.length === 0) return null
  return (
    <dl class="ledger small">
      {words.map(([name, value]) => (
        <div class="ledger__line" key={name}>
          <dt>
            <Theirs text={name} />
          </dt>
          <dd>
            <Theirs text={`${value}`} isLong />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Decision({ voucher, address, isMain = false }: BodyProps) {
  const paymentIds = (voucher.payments ?? []).map(({ id }) => id)
  if (isUnsure(paymentIds)) {
    return (
      <p class="notice notice--wait">This may have been paid already. Answer that question first: it stands above.</p>
    )
  }
  if (sentTogether(paymentIds)) {
    return <p class="notice notice--wait">This was sent together with the others of its session.</p>
  }
  return <Choice voucher={voucher} address={address} isMain={isMain} />
}

function Choice({ voucher, address, isMain = false }: BodyProps) {
  const { id, payments = [] } = voucher
  const { hindrance: foreseen, checkAgain } = useHindrance(voucher, address)
  const isQuoteOver = useIsQuoteOver(voucher)
  const [isAccepted, setIsAccepted] = useState(false)
  const step = steps.value.get(id)
  const isUnderWay = isBusyWith(id)
  const hasUnknown = payments.some(isUnknown)
  const sent = sentFor(id)
  const isAllSent = sent.length > 0 && sent.length === payments.length
  // What was sent has perhaps moved already what it would move.
  const hindrance = isAllSent ? null : foreseen
  const isBlocked = isUnderWay || (isQuoteOver && !isAllSent) || (hasUnknown && !isAccepted)
  const gasless = sent.length === 0 ? gaslessTransfer(voucher, address) : null
  return (
    <>
      {hindrance !== null && (
        <div class="notice notice--bad" role="alert">
          <p>
            <strong>This would fail, so there is nothing to sign</strong>: {hindrance}.
          </p>
        </div>
      )}
      {isQuoteOver && !isAllSent && (
        <p class="notice notice--wait">The price has run out. Ask for a new one before you pay.</p>
      )}
      {hasUnknown && hindrance === null && (
        <label class="check">
          <input type="checkbox" checked={isAccepted} onChange={() => setIsAccepted(!isAccepted)} />I know this
          contract, and what it does with my money.
        </label>
      )}
      <StepNotice step={step} id={id} sent={sent} />
      <div class={isMain ? 'next' : 'row'}>
        {wallet.value !== null && hindrance === null && (
          <Button
            {...(isMain && { kind: 'main' as const })}
            disabled={isBlocked}
            onClick={() => void payVoucher(id, payments)}
          >
            {isUnderWay ? 'Paying…' : payLabel(voucher, { sent: sent.length, isMain })}
          </Button>
        )}
        {wallet.value !== null && gasless && (
          <Button disabled={isBlocked} onClick={() => void payGasless(id, payments, gasless)}>
            Sign only: no network fee
          </Button>
        )}
        {hindrance !== null && <WorkButton work={checkAgain}>Check again</WorkButton>}
        {voucher.status === 'REDEEMED' && !isUnderWay && sent.length === 0 && (
          <Button kind="danger" onClick={() => void refuse(id)}>
            Refuse
          </Button>
        )}
      </div>
    </>
  )
}

function payLabel(
  { settlement, payments = [] }: VoucherView,
  { sent, isMain }: { sent: number; isMain: boolean },
): string {
  if (sent > 0 && sent === payments.length) return 'Send it again'
  if (settlement?.status === 'FAILED') return 'Pay again'
  if (sent > 0) return `Go on: ${sent} of ${payments.length} sent`
  return isMain ? 'Pay' : 'Pay only this'
}

type StepNoticeProps = { step: Step | undefined; id: string; sent: readonly { signedTransaction?: string }[] }

/** How far paying has come, or what stopped it. */
export function StepNotice({ step, id, sent }: StepNoticeProps) {
  return (
    <div aria-live="polite">
      {step?.is === 'signing' && (
        <p class="notice notice--wait">
          {account.value?.kind === 'key' ? 'Signing…' : 'Waiting for your signature: look at your wallet.'}
        </p>
      )}
      {step?.is === 'sent' && <p class="notice notice--wait">On its way: waiting for the block…</p>}
      {step?.is === 'stopped' && (
        <div class="notice notice--bad">
          <p>{step.why}</p>
          {sent.length > 0 && <KeptNotice id={id} isSigned={sent.some((one) => one.signedTransaction !== undefined)} />}
        </div>
      )}
    </div>
  )
}

/** What was sent is not forgotten, and how its owner can have it forgotten. */
function KeptNotice({ id, isSigned }: { id: string; isSigned: boolean }) {
  return (
    <>
      {isSigned ? (
        <p>
          The payment is signed, and kept here until the server has its receipt. If it went out, it is handed in again
          by itself. If it did not, send it again: the chain never carries it out twice.
        </p>
      ) : (
        <p>
          The payment was sent, and its receipt is kept here until the server has it: it is handed in again by itself.
          Forget it only if your wallet shows that it never went out.
        </p>
      )}
      <Button kind="plain" onClick={() => giveUp(id)}>
        Forget it, and pay anew
      </Button>
    </>
  )
}

/** How the payments would end if they were sent now: asked whenever they change, and again by the SDK before the signature. */
function useHindrance({ id, version }: VoucherView, address: string) {
  const [hindrance, setHindrance] = useState<string | null>(null)
  const check = async () => {
    const review = await payer.value?.reviewVoucher(id, { wallet: address }).catch(() => null)
    const found = review?.payments.map(({ simulation }) => hindranceOf(simulation)).find((reason) => reason !== null)
    return found ?? null
  }
  useEffect(() => {
    let isCurrent = true
    void check().then((found) => isCurrent && setHindrance(found))
    return () => {
      isCurrent = false
    }
  }, [id, version, address])
  return { hindrance, checkAgain: async () => setHindrance(await check()) }
}
