import { computed, signal } from '@preact/signals'
import {
  type ContextView,
  type CurrencyView,
  createPayer,
  type NetworkView,
  NotPaidError,
  type Payer,
  type PayerWallet,
  ProblemError,
  type SessionView,
  SixpenceError,
  type SixpenceEvent,
  signInWithWallet,
  type VoucherView,
} from '../../client/index.ts'
import { explainFault } from '../design/faults.ts'
import { keep, kept } from './keep.ts'
import { hearServerTime as onServerTime } from './time.ts'
import { isSameAddress } from './wallets.ts'
import { isAway } from './words.ts'

/** What the server says of this payer, kept up to date by its event stream. */

const url = location.origin

/** Signed in; null before. */
export const payer = signal<Payer | null>(null)
export const networks = signal<readonly NetworkView[]>([])
export const currencies = signal<readonly CurrencyView[]>([])
export const vouchers = signal<ReadonlyMap<string, VoucherView>>(new Map())
export const sessions = signal<ReadonlyMap<string, SessionView>>(new Map())
/** False while the server cannot be reached. */
export const isReachable = signal(true)
/** What failed in the page itself, in words. */
export const fault = signal<string | null>(null)
const contexts = signal<ReadonlyMap<string, ContextView>>(new Map())

/** The newest offer that is open; its code may have run out. */
export const context = computed(() => {
  const open = [...contexts.value.values()].filter(({ status }) => status === 'OPEN')
  return open.sort(byNewest)[0] ?? null
})

export const byNewest = (one: { createdAt: string }, other: { createdAt: string }) =>
  Date.parse(other.createdAt) - Date.parse(one.createdAt)

/** How long the page goes without asking, where no event tells it to: so much for what no event tells. */
const REFRESH_MS = 15_000
/** And while the server is away. */
const RETRY_MS = 1500

/** What the page can hold; the history goes on asking for older ones. */
const PAGE_SIZE = 100

/** Whether some may be older than those that the page holds. */
export const mayHaveOlder = computed(() => vouchers.value.size >= PAGE_SIZE)

let ending = new AbortController()
const followed = new Set<string>()

/** What anybody may know of the server. */
export async function readFinance(): Promise<void> {
  const stranger = createPayer({ url, token: '', retries: 1, onServerTime })
  await Promise.all([
    untilDone(async () => {
      networks.value = await stranger.listNetworks()
      isReachable.value = true
      areNetworksAsked.value = true
    }),
    untilDone(async () => {
      currencies.value = await stranger.listCurrencies({ limit: 1000 })
    }),
  ])
}

/** Whether the server has told its networks, or could not: what depends on them comes with the first view, not after it. */
export const areNetworksAsked = signal(false)

/** What fails is tried again for as long as the page is there. */
async function untilDone(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      hear(error)
      areNetworksAsked.value = true
    }
    await new Promise((wake) => setTimeout(wake, RETRY_MS))
  }
}

/** Signs in by a signature of the wallet, and keeps the token for a day. */
export async function signIn(wallet: PayerWallet): Promise<void> {
  const token = await signInWithWallet({ url, wallet, onServerTime, chainId: await chainToSignInOn(wallet) })
  keep('token', token)
  sitDown(token, wallet.address)
}

/** The chain that the wallet is on, where the server has it: a contract is asked on that one. A key may name any. */
async function chainToSignInOn(wallet: PayerWallet): Promise<number> {
  if (networks.value.length === 0) networks.value = await createPayer({ url, token: '' }).listNetworks()
  const served = networks.value.flatMap(({ enabled, type, chainId }) =>
    enabled && type === 'evm' ? (chainId ?? []) : [],
  )
  const [first] = served
  if (first === undefined) throw new Error('This server has no network that a wallet could sign in with.')
  const current = await wallet.getChainId?.()
  return served.find((chainId) => chainId === current) ?? first
}

/** Takes up the work of a payer who is signed in. */
export function sitDown(token: string, address: string): void {
  ending.abort()
  ending = new AbortController()
  const { signal: leaving } = ending
  // The page itself goes on until the server is back, and says meanwhile that it is away.
  const seat = createPayer({ url, token, retries: 1, onServerTime })
  payer.value = seat
  const give = (work: Promise<void>) => work.catch((error) => hear(error))
  void give(watch(seat, leaving))
  void give(refreshForEver(seat, address, leaving))
}

/** Forgets who was signed in, and what was shown. */
export function leave(): void {
  ending.abort()
  payer.value = null
  vouchers.value = new Map()
  sessions.value = new Map()
  contexts.value = new Map()
  followed.clear()
  keep('token', null)
  keep('position', null)
}

/** Heard after each refresh. */
let onRefreshed: () => Promise<void> = async () => undefined
export function afterRefresh(then: () => Promise<void>): void {
  onRefreshed = then
}

async function refreshForEver(seat: Payer, address: string, leaving: AbortSignal): Promise<void> {
  while (!leaving.aborted) {
    await attempt(async () => {
      await refresh(seat, address, leaving)
      await onRefreshed()
    })
    await new Promise<void>((wake) => {
      const timer = setTimeout(wake, isReachable.value ? REFRESH_MS : RETRY_MS)
      refreshNow = wake
      leaving.addEventListener('abort', () => {
        clearTimeout(timer)
        wake()
      })
    })
  }
}

/** Ends the pause before the next refresh. */
let refreshNow = () => {
  // Until there is one.
}

/** Somebody has found the server away: the page says so, and looks until it is back. */
export function missServer(): void {
  isReachable.value = false
  refreshNow()
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work()
    isReachable.value = true
  } catch (error) {
    hear(error)
  }
}

async function refresh(seat: Payer, address: string, leaving: AbortSignal): Promise<void> {
  const options = { signal: leaving }
  const [allContexts, allSessions, allVouchers] = await Promise.all([
    seat.listContexts({ limit: PAGE_SIZE }, options),
    seat.listSessions({ limit: PAGE_SIZE }, options),
    seat.listVouchers({ limit: PAGE_SIZE }, options),
  ])
  for (const one of allContexts) if (isOf(address, one)) contexts.value = withNewer(contexts.value, one)
  for (const one of allSessions) takeSession(one)
  for (const one of allVouchers) if (isOf(address, one)) take(one)
  const asked = allVouchers.filter(({ status }) => status === 'REDEEMED')
  await Promise.all(asked.map(({ id }) => look(id)))
}

function isOf(address: string, { payers }: { payers: readonly { address: string }[] }): boolean {
  return payers.some((one) => isSameAddress(one.address, address))
}

/** Shows what happens, as it happens. The stream takes itself up where it broke. */
async function watch(seat: Payer, leaving: AbortSignal): Promise<void> {
  const position = kept('position')
  for await (const event of seat.events({ signal: leaving, ...(position !== null && { after: position }) })) {
    isReachable.value = true
    keep('position', event.position)
    await show(event)
  }
}

async function show(event: SixpenceEvent): Promise<void> {
  switch (event.type) {
    case 'context.opened':
    case 'context.closed':
      contexts.value = withNewer(contexts.value, event.data)
      return
    case 'session.opened':
    case 'session.joined':
    case 'session.closed':
      takeSession(event.data)
      return
    default:
      take(event.data)
      // Some of what the payer is shown stands in no event, such as what it could sign instead.
      if (event.data.status === 'REDEEMED') await look(event.data.id).catch(() => undefined)
  }
}

/** What is to be paid: asked for and not on its way, or gone wrong on the chain. */
export function isToPay({ status, settlement }: VoucherView): boolean {
  return settlement === undefined ? status === 'REDEEMED' : settlement.status === 'FAILED'
}

/** Asks how a voucher stands now. */
export async function look(voucherId: string): Promise<void> {
  const voucher = await payer.value?.getVoucher(voucherId)
  if (voucher) take(voucher)
}

/** Shows a voucher, and follows it where its transactions lie on the chain. */
export function take(voucher: VoucherView): void {
  const known = vouchers.value.get(voucher.id)
  if (known === undefined || known.version <= voucher.version) {
    vouchers.value = new Map(vouchers.value).set(voucher.id, voucher)
  }
  if (voucher.settlement?.status === 'PENDING') void follow(voucher.id)
}

async function follow(voucherId: string): Promise<void> {
  if (followed.has(voucherId) || payer.value === null) return
  followed.add(voucherId)
  try {
    await payer.value.waitForSettlement(voucherId, { signal: ending.signal, onProgress: take })
  } catch (error) {
    if (error instanceof NotPaidError) take(error.voucher)
  } finally {
    followed.delete(voucherId)
  }
}

function takeSession(session: SessionView): void {
  sessions.value = withNewer(sessions.value, session)
  if (session.status === 'OPEN' && session.joinedAt === null) void join(session.id)
}

/** Tells the payee that its session has been seen. */
async function join(sessionId: string): Promise<void> {
  const joined = await payer.value?.joinSession(sessionId).catch(() => null)
  if (joined) sessions.value = withNewer(sessions.value, joined)
}

function withNewer<View extends { id: string; version: number }>(
  all: ReadonlyMap<string, View>,
  one: View,
): ReadonlyMap<string, View> {
  const known = all.get(one.id)
  return known !== undefined && known.version > one.version ? all : new Map(all).set(one.id, one)
}

/** @param invitation of the payee that finds the code by itself, if there is one */
export async function openContext(address: string, invitation?: string): Promise<void> {
  if (payer.value === null) return
  const answering = invitation === undefined ? {} : { invitation }
  const opened = await payer.value.openContext({ format: 'alphanum', payers: [{ address }], ...answering })
  contexts.value = withNewer(contexts.value, opened)
}

export async function closeContext(contextId: string): Promise<void> {
  if (payer.value === null) return
  contexts.value = withNewer(contexts.value, await payer.value.closeContext(contextId))
}

/** Older vouchers than those that are shown. @returns whether there may be more */
export async function readOlder(address: string): Promise<boolean> {
  if (payer.value === null) return false
  const older = await payer.value.listVouchers({ limit: PAGE_SIZE, offset: vouchers.value.size })
  for (const one of older) if (isOf(address, one)) take(one)
  return older.length === PAGE_SIZE
}

/**
 * A token that is no good any more leaves the wallet to sign in anew. What fails in the page is said as that: nobody is to
 * look for a server that is there.
 */
function hear(error: unknown): void {
  if (error instanceof ProblemError && error.code === 'unauthorized') leave()
  if (isAway(error) || (error instanceof ProblemError && error.status >= 500)) isReachable.value = false
  const isAbort = error instanceof DOMException && error.name === 'AbortError'
  if (!isAbort && !(error instanceof SixpenceError)) fault.value = explainFault(error)
}
