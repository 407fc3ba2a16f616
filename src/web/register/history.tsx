import { computed, signal } from '@preact/signals'
import { Field } from '../design/controls.tsx'
import { groupThousands, Money } from '../design/money.tsx'
import { StatusBadge } from '../design/progress.tsx'
import { Card } from '../design/surfaces.tsx'
import { type DayTotal, isSameDay, totalsOfDay } from './day.ts'
import { type Sale, STANDINGS, standingOfSale, totalsOf } from './sale.ts'
import { sales, shownId } from './sales.ts'

const day = signal(new Date())
const search = signal('')

const MOST_SHOWN = 200

const found = computed(() => {
  const wanted = search.value.trim().toLowerCase()
  const matching = sales.value.filter((sale) =>
    wanted === '' ? isSameDay(new Date(sale.startedAtMs), day.value) : textOf(sale).includes(wanted),
  )
  return matching.slice(0, MOST_SHOWN)
})

const totals = computed(() => totalsOfDay(sales.value, day.value))

/** Where a search looks: everything that stands on a receipt. */
function textOf(sale: Sale): string {
  const ofLines = sale.lines.flatMap(({ amount, symbol, recipient, voucher }) => [
    ...[`${amount} ${symbol}`, recipient, voucher?.code ?? ''],
    ...(voucher?.payers ?? []),
    ...(voucher?.settlement?.transactions.map(({ transactionHash }) => transactionHash ?? '') ?? []),
  ])
  const words = [sale.id, sale.code, sale.shopName, STANDINGS[standingOfSale(sale)].word, ...ofLines]
  return words.join('\n').toLowerCase()
}

/** What was sold, and what came of it. */
export function History({ onOpen }: { onOpen: () => void }) {
  const dayName = day.value.toLocaleDateString(undefined, { dateStyle: 'full' })
  return (
    <div class="history">
      <div class="stack">
        <Card title="Sales">
          <Filters />
          <p class="muted" role="status">
            {search.value.trim() === '' ? dayName : 'All days'}: {countOf(found.value.length)}
          </p>
          <ul class="sale-rows">
            {found.value.map((sale) => (
              <li key={sale.id}>
                <SaleRow sale={sale} onOpen={onOpen} />
              </li>
            ))}
          </ul>
        </Card>
      </div>
      <Card title="The day’s total">
        <p class="muted">{dayName}</p>
        {totals.value.length === 0 && <p>Nothing was paid on this day.</p>}
        {totals.value.map((total) => (
          <DayChart key={`${total.network} ${total.symbol}`} total={total} />
        ))}
      </Card>
    </div>
  )
}

function countOf(sales: number): string {
  return sales === 1 ? '1 sale' : `${sales} sales`
}

function Filters() {
  return (
    <div class="filters">
      <Field label="Day">
        {(control) => (
          <input
            {...control}
            class="control"
            type="date"
            value={isoDay(day.value)}
            onChange={(event) => {
              const [year = 0, month = 1, date = 1] = event.currentTarget.value.split('-').map(Number)
              if (year > 0) day.value = new Date(year, month - 1, date)
            }}
          />
        )}
      </Field>
      <Field label="Search all days" hint="An amount, a code, an address, a transaction.">
        {(control) => (
          <input
            {...control}
            class="control"
            type="search"
            value={search.value}
            onInput={(event) => {
              search.value = event.currentTarget.value
            }}
          />
        )}
      </Field>
    </div>
  )
}

function isoDay(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

function SaleRow({ sale, onOpen }: { sale: Sale; onOpen: () => void }) {
  const { tone, word } = STANDINGS[standingOfSale(sale)]
  const open = () => {
    shownId.value = sale.id
    onOpen()
  }
  return (
    <button type="button" class="sale-row" onClick={open}>
      <time dateTime={new Date(sale.startedAtMs).toISOString()}>
        {new Date(sale.startedAtMs).toLocaleTimeString(undefined, { timeStyle: 'short' })}
      </time>
      <span class="sale-row__amounts">
        {totalsOf(sale.lines).map(({ amount, symbol, network, currencyAddress }) => (
          <Money key={`${network} ${currencyAddress}`} amount={amount} currency={symbol} />
        ))}
      </span>
      <StatusBadge tone={tone}>{word}</StatusBadge>
    </button>
  )
}

const BAR = 10
const HEIGHT = 60

/** A bar for each hour; beside it the same in words. */
function DayChart({ total }: { total: DayTotal }) {
  const { symbol, hours } = total
  const busy = hours.filter(({ payments }) => payments > 0)
  return (
    <figure class="stack stack--tight">
      <figcaption>
        <Money amount={total.total} currency={symbol} big />
      </figcaption>
      <svg class="chart" viewBox={`0 0 ${24 * BAR} ${HEIGHT + 12}`} aria-hidden="true">
        {hours.map(({ hour, share }) => (
          <rect
            key={hour}
            class="chart__bar"
            x={hour * BAR + 1}
            width={BAR - 2}
            y={HEIGHT - Math.max(share > 0 ? 2 : 0, (share * HEIGHT) / 100)}
            height={Math.max(share > 0 ? 2 : 0, (share * HEIGHT) / 100)}
          />
        ))}
        <line class="chart__ground" x1="0" x2={24 * BAR} y1={HEIGHT} y2={HEIGHT} />
        {[0, 6, 12, 18].map((hour) => (
          <text class="chart__hour" key={hour} x={hour * BAR + 1} y={HEIGHT + 10}>
            {hour}:00
          </text>
        ))}
      </svg>
      <table class="table">
        <caption class="unseen">
          {symbol} by hour, on {total.network}
        </caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            <th scope="col">Payments</th>
            <th scope="col">{symbol}</th>
          </tr>
        </thead>
        <tbody>
          {busy.map(({ hour, payments, total: ofHour }) => (
            <tr key={hour}>
              <th scope="row">{hour}:00</th>
              <td>{payments}</td>
              <td>{groupThousands(ofHour)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  )
}
