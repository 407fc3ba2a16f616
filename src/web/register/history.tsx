import { computed, signal, useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { Button, Field, SearchField } from '../design/controls.tsx'
import { groupThousands, Money } from '../design/money.tsx'
import { StatusBadge } from '../design/progress.tsx'
import { Card, say } from '../design/surfaces.tsx'
import { Theirs } from '../design/theirs.tsx'
import { explain } from './ask.ts'
import { isSameDay, totalsOfDay } from './day.ts'
import { DayChart } from './day-chart.tsx'
import { complete, dayReach, followDay, lookUp, type Reach, searchOn, searchReach } from './from-server.ts'
import { beganAtMs, numberOf, type Sale, STANDINGS, standingOfSale, totalsOf } from './sale.ts'
import { sales, shownId } from './sales.ts'
import { settings } from './settings.ts'

const day = signal(today())
const search = signal('')
/** How often somebody has asked to search further back. */
const rounds = signal(0)

/** Rows that are shown at first, and more of them at a time. */
const ROWS = 50

const wanted = computed(() => search.value.trim().toLowerCase())

const found = computed(() =>
  sales.value.filter((sale) =>
    wanted.value === '' ? isSameDay(new Date(beganAtMs(sale)), day.value) : isFound(sale, wanted.value),
  ),
)

const totals = computed(() => totalsOfDay(sales.value, day.value))

const hasAccount = computed(() => settings.value.apiKey !== '')

/** Whether what this page knows of the day is all that it could. */
const isAllThere = computed(() => !hasAccount.value || dayReach.value.state === 'whole')

function today(): Date {
  return new Date(new Date().setHours(0, 0, 0, 0))
}

/** What is shorter may stand anywhere in an address or a transaction. */
const TELLING_LENGTH = 4

function isFound(sale: Sale, text: string): boolean {
  const where = textOf(sale)
  return text.length < TELLING_LENGTH ? where.split(/\s/).some((word) => word.startsWith(text)) : where.includes(text)
}

/** Where a search looks: everything that stands on a receipt, amounts also as they are shown. */
function textOf(sale: Sale): string {
  const ofLines = sale.lines.flatMap(({ amount, symbol, recipient, voucher }) => [
    ...[`${amount} ${symbol}`, groupThousands(amount).replace(/\s/g, ''), recipient, voucher?.code ?? ''],
    ...(voucher?.payers ?? []),
    ...(voucher?.settlement?.transactions.map(({ transactionHash }) => transactionHash ?? '') ?? []),
  ])
  const words = [numberOf(sale), sale.code, sale.session?.code, sale.shopName, STANDINGS[standingOfSale(sale)].word]
  return [...words, ...ofLines].join('\n').toLowerCase()
}

/** What was sold, and what came of it. */
export function History({ onOpen }: { onOpen: () => void }) {
  const isSearching = wanted.value !== ''
  useEffect(() => {
    if (!isSameDay(day.value, today())) day.value = today()
  }, [])
  useWhile((ending) => followDay(day.value, ending), [day.value, settings.value.apiKey])
  useWhile((ending) => (isSearching ? searchOn(ending) : null), [isSearching, rounds.value, settings.value.apiKey])
  useWhile((ending) => lookUp(wanted.value, ending), [wanted.value, settings.value.apiKey])
  const dayName = day.value.toLocaleDateString(undefined, { dateStyle: 'full' })
  return (
    <div class="history">
      <Card title="Sales">
        <Filters />
        <p class="muted" role="status">
          {isSearching ? 'All days' : dayName}: {countOf(found.value.length)}
        </p>
        {isSearching && hasAccount.value && (
          <ReachOf reach={searchReach.value} whole="All sales of the account were searched." />
        )}
        <SaleRows key={isSearching ? wanted.value : dayName} isDated={isSearching} onOpen={onOpen} />
      </Card>
      <Card title="The day’s total">
        <p class="muted">{dayName}</p>
        <ReachOf reach={dayReach.value} whole="All sales of the account, at every register." />
        {totals.value.length === 0 && isAllThere.value && <p>Nothing is paid of what was asked on this day.</p>}
        {totals.value.map((total) => (
          <DayChart key={`${total.network} ${total.symbol}`} total={total} />
        ))}
      </Card>
    </div>
  )
}

/** Does something with the server as long as nothing of `on` changes, where there is an account to do it for. */
function useWhile(act: (ending: AbortSignal) => Promise<void> | null, on: readonly unknown[]): void {
  useEffect(() => {
    if (!hasAccount.value) return
    const ending = new AbortController()
    void act(ending.signal)
    return () => ending.abort()
  }, on)
}

/** Whether what is shown is all there is. */
function ReachOf({ reach, whole }: { reach: Reach; whole: string }) {
  if (!hasAccount.value) {
    return <p class="muted small">Sales of this browser alone. Sign in (Settings) for those of all your registers.</p>
  }
  switch (reach.state) {
    case 'loading':
      return (
        <p class="notice notice--wait" role="status">
          Not all yet: the account’s sales are still coming.
        </p>
      )
    case 'failed':
      return (
        <p class="notice notice--bad" role="alert">
          Not all: sales of other registers may be missing. {reach.why}
        </p>
      )
    case 'part':
      return <SearchFurther sinceMs={reach.sinceMs} />
    default:
      return <p class="muted small">{whole}</p>
  }
}

function SearchFurther({ sinceMs }: { sinceMs: number }) {
  const on = () => {
    rounds.value += 1
  }
  return (
    <p class="notice notice--wait" role="status">
      Searched back to {new Date(sinceMs).toLocaleDateString()}. <Button onClick={on}>Search further back</Button>
    </p>
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
      <SearchField
        label="Search all days"
        hint="An amount, a code, the number of a receipt, an address, a transaction."
        value={search.value}
        onSought={(words) => (search.value = words)}
      />
    </div>
  )
}

function isoDay(date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

function SaleRows({ isDated, onOpen }: Omit<RowProps, 'sale'>) {
  const rows = useSignal(ROWS)
  const more = () => {
    rows.value += ROWS
  }
  return (
    <>
      <ul class="sale-rows">
        {found.value.slice(0, rows.value).map((sale) => (
          <li key={sale.id}>
            <SaleRow sale={sale} isDated={isDated} onOpen={onOpen} />
          </li>
        ))}
      </ul>
      {found.value.length > rows.value && <Button onClick={more}>Show more</Button>}
    </>
  )
}

type RowProps = {
  sale: Sale
  /** Whether the day is said too. */
  isDated: boolean
  onOpen: () => void
}

function SaleRow({ sale, isDated, onOpen }: RowProps) {
  const { tone, word } = STANDINGS[standingOfSale(sale)]
  const began = new Date(beganAtMs(sale))
  const open = () => {
    complete(sale).catch((error) => say(explain(error)))
    shownId.value = sale.id
    onOpen()
  }
  return (
    <button type="button" class="sale-row" onClick={open}>
      <time dateTime={began.toISOString()}>
        {isDated && `${began.toLocaleDateString(undefined, { dateStyle: 'short' })} `}
        {began.toLocaleTimeString(undefined, { timeStyle: 'short' })}
      </time>
      <span class="sale-row__amounts">
        {totalsOf(sale.lines).map(({ amount, symbol, network, currencyAddress }) => (
          <Money key={`${network} ${currencyAddress}`} amount={amount} currency={symbol} />
        ))}
        {sale.shopName !== settings.value.shopName && (
          <span class="sale-row__shop">
            <Theirs text={sale.shopName} />
          </span>
        )}
      </span>
      <StatusBadge tone={tone}>{word}</StatusBadge>
    </button>
  )
}
