import { effect, signal } from '@preact/signals'
import { ConnectionError, ProblemError, SixpenceError, type VoucherView } from '../../client/index.ts'
import { askFor, callOff, explainRefusal, isAboutCode, payeeOf } from './ask.ts'
import { clearDraft } from './draft.ts'
import { isOver, recordOf, type Sale } from './sale.ts'
import { change, changeLine, remove, saleOf, sales, shownId } from './sales.ts'
import { settings } from './settings.ts'

/** How often sales that nobody looks at are looked after. */
const LOOK_MS = 10_000

/** A payee by code sees its vouchers for a day; what has not come to its end by then is the wallet's to show. */
const LOOKED_AFTER_MS = 24 * 60 * 60 * 1000

/**
 * From now on the sale that is shown is followed live. Sales that are not over are looked at now and then, and so is the
 * one that is shown: a payment that failed can be made again, and one that comes late still counts.
 */
export function startWatching(): void {
  effect(() => {
    const id = shownId.value
    if (id === null) return
    const watch = new AbortController()
    // What is written down as the watch begins must not begin it anew.
    queueMicrotask(() => follow(id, watch.signal))
    return () => watch.abort()
  })
  addEventListener('offline', () => {
    isCutOff.value = true
  })
  setInterval(() => {
    for (const sale of sales.value) if (isToBeLookedAfter(sale)) void look(sale)
  }, LOOK_MS)
}

/** Not after the key with which it was asked for was taken away. */
function canBeSeen({ token }: Sale): boolean {
  return token !== null || settings.value.apiKey !== ''
}

/** What is shown, and what this register has begun; of what others sell the history hears, while it is open. */
function isToBeLookedAfter(sale: Sale): boolean {
  return canBeSeen(sale) && (sale.id === shownId.value || (!isOver(sale) && sale.elsewhere === undefined))
}

/** Whether the server could not be reached when it was last asked. Following goes on by itself. */
export const isCutOff = signal(false)

/** Begins to follow the shown sale anew. */
export function followAgain(): void {
  const id = shownId.value
  shownId.value = null
  shownId.value = id
}

/** Why the last sale could not be begun. */
export const refusal = signal<{ text: string; isAboutCode: boolean } | null>(null)

/** Asks for what has not been asked for yet, and follows every line until it is settled or the signal ends it. */
async function follow(id: string, signal: AbortSignal): Promise<void> {
  const before = saleOf(id)
  if (before === null || isOver(before)) return
  try {
    change(id, { trouble: null })
    if (before.lines.some(({ voucher }) => voucher === null)) {
      await askFor(id)
      clearDraft()
    }
  } catch (error) {
    return giveUp(id, error, signal)
  }
  watchLines(id, signal)
}

/**
 * What the server refuses ends the sale, and what it cannot be asked can be asked again. What has been asked before it
 * refused is called off, but kept: the payer may have been quicker.
 */
async function giveUp(id: string, error: unknown, signal: AbortSignal): Promise<void> {
  const text = explainRefusal(error)
  const sale = saleOf(id)
  if (sale === null) return
  if (!(error instanceof ProblemError) || isPassing(error)) return change(id, { trouble: text })
  const asked = sale.lines.filter(({ voucher }) => voucher !== null)
  if (asked.length > 0) {
    await callOff(sale).catch(() => undefined)
    change(id, { lines: asked, trouble: text })
    return watchLines(id, signal)
  }
  remove(id)
  refusal.value = { text, isAboutCode: isAboutCode(error) }
  if (shownId.value === id) shownId.value = null
}

function isPassing({ status }: ProblemError): boolean {
  return status === 429 || status >= 500
}

function watchLines(id: string, signal: AbortSignal): void {
  const sale = saleOf(id)
  if (sale === null || signal.aborted) return
  const payee = payeeOf(sale)
  for (const [place, { voucher }] of sale.lines.entries()) {
    if (voucher === null) continue
    const onProgress = (now: VoucherView) => take(id, place, now)
    payee.waitForSettlement(voucher.id, { signal, onProgress }).catch(unlessItEnded)
  }
}

/** Writes down how a voucher stands now. */
function take(id: string, place: number, voucher: VoucherView): void {
  isCutOff.value = false
  const line = saleOf(id)?.lines[place]
  if (line === undefined) return
  changeLine(id, place, { voucher: recordOf(voucher, line.voucher) })
}

async function look(sale: Sale): Promise<void> {
  if (Date.now() - sale.startedAtMs > LOOKED_AFTER_MS) return
  const payee = payeeOf(sale)
  for (const [place, { voucher }] of sale.lines.entries()) {
    if (voucher === null) continue
    try {
      take(sale.id, place, await payee.getVoucher(voucher.id))
    } catch (error) {
      if (error instanceof ConnectionError) isCutOff.value = true
    }
  }
}

/** It will not be paid, the token has ended, the key is another, or the watch was called off: what was seen stays. */
function unlessItEnded(error: unknown): void {
  const isAbort = error instanceof DOMException && error.name === 'AbortError'
  if (!isAbort && !(error instanceof SixpenceError)) throw error
}
