import { type Signal, signal } from '@preact/signals'
import { createPayee, type Payee, type SixpenceEvent, type VoucherQuery, type VoucherView } from '../../client/index.ts'
import { explain } from './ask.ts'
import type { Sale } from './sale.ts'
import { change, learn } from './sales.ts'
import { settings } from './settings.ts'

/** How much has come of what the account sold. `part`: there is more before `sinceMs`, which is the `read`th voucher. */
export type Reach =
  | { state: 'loading' }
  | { state: 'whole' }
  | { state: 'part'; sinceMs: number; read: number }
  | { state: 'failed'; why: string }

const LOADING: Reach = { state: 'loading' }

/** Of the day that is shown. */
export const dayReach = signal<Reach>(LOADING)
/** Of the search over all days. */
export const searchReach = signal<Reach>(LOADING)

/** Vouchers that are asked for at once. */
const PAGE = 100

/** How many vouchers a search reads before somebody is to say whether it goes on. */
const MOST_SEARCHED = 2000

const CUT_OFF = 'The server cannot be reached right now. It is asked again by itself.'

/**
 * Reads all that the account sold on a day, and hears of what happens to any of its sales from then on, until the signal
 * ends it. What is listed once the stream is open misses nothing that the stream does not tell.
 * @param day its beginning
 */
export async function followDay(day: Date, ending: AbortSignal): Promise<void> {
  const payee = account()
  const since = day.getTime()
  const until = new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1).getTime()
  const readPage = (offset: number) => payee.listVouchers({ since, until, limit: PAGE, offset }, { signal: ending })
  const read = () => readInto(dayReach, { readPage, ending })
  let isOpen = false
  const onState = (isOpenNow: boolean) => {
    if (isOpenNow && !isOpen) void read()
    if (!isOpenNow && !ending.aborted) dayReach.value = { state: 'failed', why: CUT_OFF }
    isOpen = isOpenNow
  }
  dayReach.value = LOADING
  try {
    for await (const { data } of payee.events({ signal: ending, onState })) if (isVoucher(data)) learn([data])
  } catch {
    await read()
  }
}

/** Reads on through all that the account ever sold, the newest first, for a search over it. */
export async function searchOn(ending: AbortSignal): Promise<void> {
  const payee = account()
  const { value } = searchReach
  const from = value.state === 'part' ? value.read : 0
  const readPage = (offset: number) => payee.listVouchers({ limit: PAGE, offset }, { signal: ending })
  await readInto(searchReach, { readPage, ending, from, most: MOST_SEARCHED })
}

/** Asks for what a receipt names: the server finds that at once, however old it is. */
export async function lookUp(text: string, ending: AbortSignal): Promise<void> {
  const query = receiptQuery(text)
  if (query === null) return
  const found = await account()
    .listVouchers(query, { signal: ending })
    .catch(() => [])
  learn(found)
}

function receiptQuery(text: string): VoucherQuery | null {
  if (/^\d{6}$/.test(text)) return { code: text }
  return /^sale-[0-9a-f]{12}$/.test(text) ? { orderId: text } : null
}

/** Asks for all of a sale of which parts are known: its session may reach into another day. */
export async function complete({ id, elsewhere, session }: Sale): Promise<void> {
  if (elsewhere === undefined || session === null) return
  const { code, vouchers = [] } = await account().getSession(session.id)
  learn(vouchers)
  change(id, { session: { id: session.id, code } })
}

function account(): Payee {
  return createPayee({ url: location.origin, apiKey: settings.value.apiKey })
}

function isVoucher(data: SixpenceEvent['data']): data is VoucherView {
  return 'payers' in data && 'contextId' in data
}

type Reading = {
  readPage: (offset: number) => Promise<VoucherView[]>
  ending: AbortSignal
  /** Vouchers that have been read before. */
  from?: number
  /** Where to stop though there are more. */
  most?: number
}

/** Reads into what is known, and says how far it has come. */
async function readInto(reach: Signal<Reach>, reading: Reading): Promise<void> {
  const { ending } = reading
  if (ending.aborted) return
  reach.value = LOADING
  try {
    reach.value = await readPages(reading)
  } catch (error) {
    if (!ending.aborted) reach.value = { state: 'failed', why: explain(error) }
  }
}

async function readPages({ readPage, ending, from = 0, most = Number.POSITIVE_INFINITY }: Reading): Promise<Reach> {
  for (let read = from; ; ) {
    const page = await readPage(read)
    ending.throwIfAborted()
    learn(page)
    read += page.length
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return { state: 'whole' }
    if (read - from >= most) return { state: 'part', sinceMs: Date.parse(last.createdAt), read }
  }
}
