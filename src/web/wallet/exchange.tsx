import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { Field } from '../design/controls.tsx'
import { groupThousands, Money } from '../design/money.tsx'
import { Countdown } from '../design/progress.tsx'
import { WorkButton } from './busy.tsx'
import { currencies, payer, take } from './desk.ts'
import { isBusyWith } from './steps.ts'
import { serverNowMs, useIsPast } from './time.ts'

/** Pays in another currency than was asked: asks for a price, shows it, and asks again. */
export function Exchange({ voucher, address }: { voucher: VoucherView; address: string }) {
  const { expectedPayment, suppliedPayment } = voucher
  const [chosen, setChosen] = useState('')
  if (voucher.type !== 'SIMPLE' || expectedPayment === undefined) return null
  const others = currencies.value.filter(
    ({ network, address: contract, bridgeable, enabled }) =>
      enabled && bridgeable && network === expectedPayment.network && contract !== expectedPayment.currencyAddress,
  )
  const asked = currencies.value.find(
    ({ network, address: contract }) =>
      network === expectedPayment.network && contract === expectedPayment.currencyAddress,
  )
  if (others.length === 0 || !asked?.bridgeable) return null
  const isPaying = isBusyWith(voucher.id)
  const negotiate = async (currency: { symbol: string; address: string }) => {
    const { network } = expectedPayment
    const wanted = { network, currency: currency.symbol, currencyAddress: currency.address, wallet: { address } }
    const negotiated = await payer.value?.negotiateVoucher(voucher.id, { suppliedPayment: wanted })
    if (negotiated) take(negotiated)
  }
  if (suppliedPayment?.quoteId !== undefined) {
    const { currency, currencyAddress } = suppliedPayment
    return (
      <div class="stack stack--tight">
        <Quote quote={suppliedPayment} expected={expectedPayment.currency} />
        {!isPaying && (
          <div class="row">
            <WorkButton work={() => negotiate({ symbol: currency, address: currencyAddress })}>
              Ask for a new price
            </WorkButton>
            <WorkButton kind="plain" work={() => negotiate(asked)}>
              Pay in {expectedPayment.currency} after all
            </WorkButton>
          </div>
        )}
      </div>
    )
  }
  if (isPaying) return null
  const target = others.find((currency) => currency.address === (chosen || others[0]?.address))
  return (
    <details>
      <summary>Pay in another currency</summary>
      <div class="stack stack--tight">
        <Field label="Currency">
          {(control) => (
            <select
              {...control}
              class="control"
              value={target?.address}
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {others.map((currency) => (
                <option key={currency.address} value={currency.address}>
                  {currency.symbol}
                </option>
              ))}
            </select>
          )}
        </Field>
        {target && <WorkButton work={() => negotiate(target)}>Ask for the price</WorkButton>}
      </div>
    </details>
  )
}

type Supplied = NonNullable<VoucherView['suppliedPayment']>

/** Whether a quote's time is over, so that its swap would fail. */
export function useIsQuoteOver({ suppliedPayment }: VoucherView): boolean {
  const isPast = useIsPast(Date.parse(suppliedPayment?.expiresAt ?? '9999-12-31T00:00:00.000Z'))
  return isPast && suppliedPayment?.expiresAt !== undefined
}

function Quote({ quote, expected }: { quote: Supplied; expected: string }) {
  const { amount, maxAmount, currency, rate, slippageBps, expiresAt } = quote
  return (
    <dl class="ledger" aria-live="polite">
      <QuoteLine name="You pay">
        <Money amount={amount} currency={currency} />
      </QuoteLine>
      {maxAmount && (
        <QuoteLine name="Never more than">
          <Money amount={maxAmount} currency={currency} />
        </QuoteLine>
      )}
      {rate && (
        <QuoteLine name="Rate">
          {groupThousands(inShort(rate))} {currency} for 1 {expected}
        </QuoteLine>
      )}
      {quote.fees?.map((fee) => (
        <QuoteLine key={fee.to} name={`Of that, fee of the ${fee.to}`}>
          <Money {...fee} />
        </QuoteLine>
      ))}
      {slippageBps !== undefined && <QuoteLine name="The price may move by">{slippageBps / 100} %</QuoteLine>}
      {expiresAt && (
        <QuoteLine name="The price stands for">
          <Countdown untilMs={Date.parse(expiresAt)} nowMs={serverNowMs} />
        </QuoteLine>
      )}
    </dl>
  )
}

/** Enough of a rate for eyes; what is paid is told in full. */
function inShort(rate: string): string {
  return rate.replace(/(\.\d{6})\d+$/, '$1…')
}

function QuoteLine({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="ledger__line">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
