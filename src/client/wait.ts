import type { VoucherView } from '../protocol/schemas.ts'
import { type CallOptions, type Client, path } from './client.ts'
import { isPassing, NotPaidError, TimeoutError } from './errors.ts'
import type { Hub } from './events.ts'
import { abortBy, pause } from './pause.ts'

export type WaitOptions = CallOptions & {
  /** Otherwise as long as it takes; a voucher that nobody pays expires by itself. */
  timeoutMs?: number
  /** Hears of each change, confirmations too. */
  onProgress?: (voucher: VoucherView) => void
}

/** A voucher whose payments are known to the server, and how they stand. */
export type ResolvedVoucher = VoucherView & { settlement: NonNullable<VoucherView['settlement']> }

/** Between two looks, where no event says when to look, or somebody wants to see the confirmations. */
const LOOK_MS = 1500
/** Between two looks that only make sure. */
const SELDOM_LOOK_MS = 15_000

/**
 * Waits until the voucher is RESOLVED: the payment is in a block, and goods may go out.
 * @throws NotPaidError when it is discarded or expires, TimeoutError
 */
export function waitForResolved(client: Client, hub: Hub, voucherId: string, options?: WaitOptions) {
  return waitFor(client, hub, voucherId, isResolved, options)
}

/**
 * Waits until the payments lie as deep as the network asks for (CONFIRMED), or for RESOLVED where the server has no
 * node for the network (UNVERIFIED).
 * @throws NotPaidError when it is discarded or expires, or when its settlement fails, TimeoutError
 */
export function waitForSettlement(client: Client, hub: Hub, voucherId: string, options?: WaitOptions) {
  return waitFor(client, hub, voucherId, isSettled, options)
}

function isResolved(voucher: VoucherView): voucher is ResolvedVoucher {
  const { status, code } = voucher
  if (status === 'DISCARDED' || status === 'EXPIRED') throw new NotPaidError(voucher, `Voucher ${code} is ${status}.`)
  return status === 'RESOLVED'
}

function isSettled(voucher: VoucherView): voucher is ResolvedVoucher {
  const { code, settlement } = voucher
  if (settlement?.status === 'FAILED') {
    throw new NotPaidError(
      voucher,
      `The settlement of voucher ${code} has failed: ${settlement.failure ?? 'no reason'}.`,
    )
  }
  return isResolved(voucher) && settlement?.status !== 'PENDING'
}

/** The stream says when to look; what counts is what the look shows. */
async function waitFor(
  client: Client,
  hub: Hub,
  voucherId: string,
  isOver: (voucher: VoucherView) => voucher is ResolvedVoucher,
  { signal, timeoutMs, onProgress }: WaitOptions = {},
): Promise<ResolvedVoucher> {
  const limit = new AbortController()
  const timer =
    timeoutMs !== undefined &&
    setTimeout(() => limit.abort(new TimeoutError(`nothing came of ${voucherId} in ${timeoutMs} ms`)), timeoutMs)
  const unlink = abortBy(limit, signal)
  const bell = createBell()
  const leave = hub.listen((told) => {
    if (told === 'opened' || told.data.id === voucherId) bell.ring()
  })
  const look = lookAt(client, voucherId, onProgress)
  try {
    for (;;) {
      const voucher = await look(limit.signal)
      if (voucher !== null && isOver(voucher)) return voucher
      await bell.heard(hub.isOpen() && !onProgress ? SELDOM_LOOK_MS : LOOK_MS, limit.signal)
    }
  } finally {
    leave()
    unlink()
    if (timer !== false) clearTimeout(timer)
  }
}

/** @returns a look, which gives null while the server cannot be asked: whoever waits can wait for that too */
function lookAt(client: Client, voucherId: string, onProgress: WaitOptions['onProgress']) {
  let shown = ''
  return async (signal: AbortSignal): Promise<VoucherView | null> => {
    try {
      const voucher = await client.get<VoucherView>(path`/vouchers/${voucherId}`, { signal })
      const seen = JSON.stringify(voucher)
      if (seen !== shown) onProgress?.(voucher)
      shown = seen
      return voucher
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error
      return null
    }
  }
}

/** Ends a pause early, also one that has not begun yet. */
function createBell() {
  let early = new AbortController()
  return {
    ring: () => early.abort(),
    heard: async (ms: number, signal: AbortSignal): Promise<void> => {
      const unlink = abortBy(early, signal)
      await pause(ms, early.signal).catch(() => undefined)
      unlink()
      signal.throwIfAborted()
      early = new AbortController()
    },
  }
}
