import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Address } from '../design/address.tsx'
import { CodeDisplay } from '../design/codes.tsx'
import { Button } from '../design/controls.tsx'
import { Mark } from '../design/mark.tsx'
import { Money } from '../design/money.tsx'
import { Countdown, Progress, StatusBadge } from '../design/progress.tsx'
import { Card, Dialog, say } from '../design/surfaces.tsx'
import { callOff, explain } from './ask.ts'
import { takeBack } from './draft.ts'
import { Receipt } from './receipt.tsx'
import {
  canBeCalledOff,
  confirmationsOf,
  isPaid,
  isUnderWay,
  type Observed,
  type Sale,
  type SaleLine,
  STANDINGS,
  standingOf,
  standingOfSale,
  totalsOf,
} from './sale.ts'
import { remove, shownId } from './sales.ts'
import { shortAddress } from './settings.ts'
import { followAgain, isCutOff } from './watch.ts'

/** One sale: what was asked, and how it stands right now. */
export function SaleView({ sale }: { sale: Sale }) {
  return (
    <>
      <div class="sale">
        <Band sale={sale} />
        {isCutOff.value && (
          <p class="notice notice--wait" role="alert">
            The server cannot be reached right now. What you see may be old; it goes on by itself.
          </p>
        )}
        {sale.trouble !== null && <Trouble sale={sale} text={sale.trouble} />}
        {sale.lines.length === 1 ? <OneLine sale={sale} /> : <ManyLines sale={sale} />}
        <Actions sale={sale} />
      </div>
      <Receipt sale={sale} />
    </>
  )
}

/** The one thing to be read from two metres away. */
function Band({ sale }: { sale: Sale }) {
  const { tone, sentence } = STANDINGS[standingOfSale(sale)]
  const band = useRef<HTMLElement>(null)
  useEffect(() => band.current?.focus(), [])
  const isLate = sale.lines.some(({ voucher }) => voucher?.late)
  return (
    <section class={`band band--${tone}`} aria-label="The sale" tabIndex={-1} ref={band}>
      <div class="band__amounts">
        {totalsOf(sale.lines).map(({ amount, symbol, network, currencyAddress }) => (
          <Money key={`${network} ${currencyAddress}`} amount={amount} currency={symbol} big />
        ))}
      </div>
      <p class="band__sentence" role="status">
        <Mark of={tone} />
        <span>
          {sentence}
          {isLate && ' (late: after it had ended)'}
        </span>
      </p>
    </section>
  )
}

function Trouble({ sale, text }: { sale: Sale; text: string }) {
  const drop = () => {
    callOff(sale).catch(() => undefined)
    remove(sale.id)
    shownId.value = null
  }
  return (
    <div class="notice notice--bad" role="alert">
      <p>{text}</p>
      <div class="row">
        <Button onClick={followAgain}>Try again</Button>
        <Button kind="plain" onClick={drop}>
          Back to the till
        </Button>
      </div>
    </div>
  )
}

function OneLine({ sale }: { sale: Sale }) {
  const [line] = sale.lines
  if (line === undefined || line.voucher === null) return null
  return (
    <Card title="Voucher code">
      <CodeDisplay code={line.voucher.code} label="Voucher code" />
      {canBeCalledOff(sale) && <p class="muted">The payer’s wallet shows the same code. Compare them.</p>}
      <LineFacts line={line} />
    </Card>
  )
}

function ManyLines({ sale }: { sale: Sale }) {
  return (
    <>
      {sale.session !== null && sale.session.code !== '' && (
        <Card title="Session code">
          <CodeDisplay code={sale.session.code} label="Session code" />
          {canBeCalledOff(sale) && (
            <p class="muted">The payer’s wallet shows the same code, and a code for each line. Compare them.</p>
          )}
        </Card>
      )}
      <ol class="sale__lines" aria-label="Lines">
        {sale.lines.map((line, place) => (
          <li class="card" key={line.voucher?.id ?? place}>
            <div class="row row--apart">
              <strong>
                <Money amount={line.amount} currency={line.symbol} />
              </strong>
              <StatusBadge tone={STANDINGS[standingOf(line)].tone}>{STANDINGS[standingOf(line)].word}</StatusBadge>
            </div>
            {line.voucher !== null && <CodeDisplay code={line.voucher.code} label="Voucher code" small />}
            <LineFacts line={line} />
          </li>
        ))}
      </ol>
    </>
  )
}

function LineFacts({ line }: { line: SaleLine }) {
  const { voucher } = line
  if (voucher === null) return null
  const progress = confirmationsOf(voucher)
  return (
    <>
      <dl class="ledger">
        <div class="ledger__line">
          <dt>Paid to</dt>
          <dd>
            <Address address={line.recipient} />
          </dd>
        </div>
        <div class="ledger__line">
          <dt>Network</dt>
          <dd>{line.network}</dd>
        </div>
        <div class="ledger__line">
          <dt>Asked of</dt>
          <dd title={voucher.payers.join(' ')}>{voucher.payers.map(shortAddress).join(', ')}</dd>
        </div>
        {voucher.paidWith !== null && (
          <div class="ledger__line">
            <dt>The payer chose to pay</dt>
            <dd>
              <Money amount={voucher.paidWith.amount} currency={voucher.paidWith.currency} />
            </dd>
          </div>
        )}
        {standingOf(line) === 'waiting' && (
          <div class="ledger__line">
            <dt>Time left</dt>
            <dd>
              <Countdown untilMs={voucher.endsAtMs} />
            </dd>
          </div>
        )}
      </dl>
      {progress !== null && <Progress label="Confirmations" {...progress} />}
      {voucher.observed?.map((observed, index) => (
        <MovedBeside key={`${observed.transactionHash} ${index}`} line={line} observed={observed} />
      ))}
      {voucher.settlement?.failure && <p class="notice notice--bad">The payment: {voucher.settlement.failure}.</p>}
    </>
  )
}

/** What moved is the shop's to know: it can wait for the rest, or give it back. */
function MovedBeside({ line, observed }: { line: SaleLine; observed: Observed }) {
  const { reason, amount, from, transactionHash } = observed
  const what = amount === null ? null : <Money amount={amount} currency={line.symbol} />
  return (
    <div class="notice notice--bad" role="alert">
      <p>
        <strong>{MOVED[reason].word}</strong>
        {what !== null && <>: {what}</>}. {MOVED[reason].sentence}
      </p>
      <p class="small">
        From <span class="address">{from}</span>, transaction <span class="address">{transactionHash}</span>
      </p>
    </div>
  )
}

const MOVED: Record<Observed['reason'], { word: string; sentence: string }> = {
  UNDERPAID: { word: 'Too little has arrived', sentence: 'The payer is asked for the rest; else give it back.' },
  OVERPAID: { word: 'Too much has arrived', sentence: 'It does not count for this sale: give it back, or settle it.' },
  DUPLICATE: { word: 'It was paid twice', sentence: 'Give the second payment back.' },
  UNPROVEN: { word: 'It may have been paid', sentence: 'The chain cannot show it here: look in your wallet.' },
}

function Actions({ sale }: { sale: Sale }) {
  const standing = standingOfSale(sale)
  const isAnyPaid = sale.lines.some((line) => isPaid(standingOf(line)))
  const next = useRef<HTMLDivElement>(null)
  const isWaiting = isUnderWay(standing)
  useEffect(() => {
    if (!isWaiting) next.current?.querySelector('button')?.focus()
  }, [isWaiting])
  const toTill = () => {
    shownId.value = null
  }
  const askAgain = () => {
    takeBack(sale)
    toTill()
  }
  return (
    <div class="next" ref={next}>
      {!isWaiting && (
        <Button kind="main" onClick={toTill}>
          New sale
        </Button>
      )}
      {!isWaiting && STANDINGS[standing].tone === 'bad' && (
        <Button onClick={askAgain}>Ask again for what is unpaid</Button>
      )}
      {isAnyPaid && <Button onClick={() => print()}>Print the receipt</Button>}
      {isWaiting && <Button onClick={toTill}>Next sale</Button>}
      {canBeCalledOff(sale) && <CallOff sale={sale} />}
    </div>
  )
}

function CallOff({ sale }: { sale: Sale }) {
  const isOpen = useSignal(false)
  const close = () => {
    isOpen.value = false
  }
  const confirm = () => {
    close()
    callOff(sale).catch((error) => say(explain(error)))
  }
  return (
    <>
      <Button kind="danger" onClick={() => (isOpen.value = true)}>
        Call it off
      </Button>
      <Dialog title="Call this sale off?" open={isOpen.value} onClose={close}>
        <p>The payer can no longer pay it. What is paid already stays paid.</p>
        <div class="row">
          <Button kind="danger" onClick={confirm}>
            Call it off
          </Button>
          <Button onClick={close}>Keep waiting</Button>
        </div>
      </Dialog>
    </>
  )
}
