import { computed } from '@preact/signals'
import type { VoucherView } from '../../client/index.ts'
import { CodeDisplay } from '../design/codes.tsx'
import { Button } from '../design/controls.tsx'
import { Lacks } from '../design/lacks.tsx'
import { mount } from '../design/mount.tsx'
import { Card, Shell } from '../design/surfaces.tsx'
import { Code } from './code.tsx'
import {
  afterRefresh,
  byNewest,
  fault,
  isReachable,
  isToPay,
  payer,
  readFinance,
  sessions,
  sitDown,
  vouchers,
} from './desk.ts'
import { History, UnderWay } from './history.tsx'
import { InvitedCard, watchFragment } from './invited.tsx'
import { kept } from './keep.ts'
import { LooseEnds, UnreadableNotice } from './loose.tsx'
import { onReceipts } from './paid.ts'
import { lookForAsking } from './paying.ts'
import { Receipts } from './receipt.tsx'
import { handInKept } from './receipts.ts'
import { Request } from './request.tsx'
import { Session } from './session.tsx'
import { ForgetDialog, Open, SetUp, SignIn, ThisWallet } from './set-up.tsx'
import { account, findExtensions, lock, wallet } from './wallets.ts'

const all = computed(() => [...vouchers.value.values()].sort(byNewest))
const reserved = computed(() => all.value.filter(({ status }) => status === 'RESERVED'))
const toPay = computed(() => all.value.filter(isToPay))
const isAsked = computed(() => reserved.value.length > 0 || toPay.value.length > 0)
const underWay = computed(() => all.value.filter(({ settlement }) => settlement?.status === 'PENDING'))
const over = computed(() => all.value.filter((voucher) => !toPay.value.includes(voucher) && isOver(voucher)))

function isOver({ status, settlement }: VoucherView): boolean {
  return status !== 'RESERVED' && settlement?.status !== 'PENDING'
}

function Page() {
  return (
    <Shell title="Wallet" actions={<Actions />}>
      <div class="stack">
        <Lacks />
        {fault.value !== null && (
          <p class="notice notice--bad" role="alert">
            {fault.value}
          </p>
        )}
        {!isReachable.value && (
          <p class="notice notice--wait" role="status">
            The server cannot be reached just now. This page goes on by itself as soon as it can.
          </p>
        )}
        {(account.value === null || wallet.value !== null) && <UnreadableNotice />}
        <InvitedCard isAsked={isAsked.value} />
        {account.value === null ? <SetUp /> : <Desk address={account.value.address} />}
      </div>
      <ForgetDialog />
    </Shell>
  )
}

function Actions() {
  if (wallet.value === null || account.value?.kind !== 'key') return null
  return <Button onClick={lock}>Lock</Button>
}

/** While the wallet is locked, nothing of its owner is on the page; its receipts are handed in all the same. */
function Desk({ address }: { address: string }) {
  if (wallet.value === null) return <Open />
  if (payer.value === null) return <SignIn />
  return (
    <>
      <LooseEnds />
      <Counter address={address} />
    </>
  )
}

/** What is asked for comes first, so that it is seen on narrow screens too. */
function Counter({ address }: { address: string }) {
  const paid = onReceipts()
  const onTheWay = underWay.value.filter(({ id }) => !paid.includes(id))
  const isWorkFirst = isAsked.value || paid.length > 0
  const code = <Code key="code" address={address} />
  const work = (isWorkFirst || onTheWay.length > 0) && (
    <div key="work" class="stack">
      <Receipts />
      <Requests address={address} />
      <UnderWay vouchers={onTheWay} />
    </div>
  )
  return (
    <>
      <p class="unseen" role="status">
        {toPay.value.length === 0 ? 'Nothing waits to be paid.' : `${toPay.value.length} to be paid.`}
      </p>
      <div class="counter">
        {isWorkFirst ? [work, code] : [code, work]}
        <History vouchers={over.value} address={address} />
        <ThisWallet address={address} />
      </div>
    </>
  )
}

function Requests({ address }: { address: string }) {
  const inSessions = new Map<string, VoucherView[]>()
  for (const voucher of toPay.value) {
    if (voucher.sessionId !== undefined)
      inSessions.set(voucher.sessionId, [...(inSessions.get(voucher.sessionId) ?? []), voucher])
  }
  const alone = toPay.value.filter(({ sessionId }) => sessionId === undefined)
  return (
    <>
      {reserved.value.map((voucher) => (
        <Card key={voucher.id} title="A payee has your code">
          <p>It is about to say what it asks for. This voucher’s code:</p>
          <CodeDisplay code={voucher.code} label="Voucher code" small />
        </Card>
      ))}
      {alone.map((voucher) => (
        <Request key={voucher.id} voucher={voucher} address={address} />
      ))}
      {[...inSessions].map(([sessionId, some]) => (
        <Session
          key={sessionId}
          session={sessions.value.get(sessionId) ?? null}
          vouchers={[...some].reverse()}
          address={address}
        />
      ))}
    </>
  )
}

afterRefresh(handInKept)
watchFragment()
findExtensions()
void lookForAsking()
void readFinance()
const token = kept('token')
if (account.value !== null && token !== null) sitDown(token, account.value.address)
mount(<Page />)
