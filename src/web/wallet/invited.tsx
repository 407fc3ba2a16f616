import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import { Button } from '../design/controls.tsx'
import { ScanDialog } from '../design/scan.tsx'
import { Card } from '../design/surfaces.tsx'
import { Theirs } from '../design/theirs.tsx'
import { WorkButton } from './busy.tsx'
import { openContext, payer } from './desk.ts'
import { account } from './wallets.ts'

/** What a shop's QR code or link says. It is the link's word: what is really asked for, the request says. */
type Invited = { invitation: string; shop: string; ask: string; isAnswered: boolean }

const invited = signal<Invited | null>(null)
/** Why a link was not taken. */
const refused = signal<string | null>(null)

/** Looks for an invitation in the address of the page: now, and when a link changes it. */
export function watchFragment(): void {
  const take = () => {
    if (location.hash.length > 1) refused.value = takeLink(location.href)
  }
  addEventListener('hashchange', take)
  take()
}

/** The address keeps it until it is answered, so that a page that is loaded again on a phone still knows it. */
function leaveLink(): void {
  history.replaceState(null, '', location.pathname + location.search)
}

/** @returns why the link was not taken, or null */
function takeLink(text: string): string | null {
  const link = urlOf(text)
  const said = new URLSearchParams(link?.hash.slice(1))
  const invitation = said.get('invitation')
  if (link === null || invitation === null)
    return 'This is no QR code or link of a sale. The shop’s register shows the right one.'
  if (link.origin !== location.origin) return `This sale is at another server: ${link.host}. Open it there.`
  if (!/^[\w-]{43}$/.test(invitation)) return 'The link of this sale is not whole. Scan it again.'
  invited.value = { invitation, shop: said.get('shop') ?? '', ask: said.get('ask') ?? '', isAnswered: false }
  return null
}

/** @returns null where the text is no URL */
function urlOf(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function leave(): void {
  invited.value = null
  refused.value = null
  leaveLink()
}

/**
 * The sale that was scanned, until its request comes.
 * @param isAsked whether there is a request to show
 */
export function InvitedCard({ isAsked }: { isAsked: boolean }) {
  const { value: sale } = invited
  const isOver = isAsked && sale?.isAnswered === true
  useEffect(() => {
    if (isOver) invited.value = null
  }, [isOver])
  if (refused.value !== null) {
    return (
      <Card title="A sale was scanned">
        <p class="notice notice--bad" role="alert">
          {refused.value}
        </p>
        <div class="row">
          <Button onClick={leave}>Close</Button>
        </div>
      </Card>
    )
  }
  return sale === null || isOver ? null : <Sale sale={sale} />
}

function Sale({ sale }: { sale: Invited }) {
  const title = sale.shop === '' ? 'A shop' : <Theirs text={sale.shop} />
  return (
    <Card title={<>{title} wants to ask you for a payment</>}>
      {sale.ask !== '' && (
        <p>
          Its link says <Theirs text={sale.ask} />. Before you pay, you see what it really asks for.
        </p>
      )}
      <div role="status">{sale.isAnswered && <p>It has been told. Its request comes in a moment.</p>}</div>
      <div class="row">
        {!sale.isAnswered && <Answer invitation={sale.invitation} />}
        <Button onClick={leave}>{sale.isAnswered ? 'Close' : 'No'}</Button>
      </div>
    </Card>
  )
}

function Answer({ invitation }: { invitation: string }) {
  const { value: from } = account
  if (from === null || payer.value === null) return <p>Open your wallet below first, then go on here.</p>
  const answer = async () => {
    await openContext(from.address, invitation)
    if (invited.value?.invitation === invitation) invited.value = { ...invited.value, isAnswered: true }
    leaveLink()
  }
  return (
    <WorkButton kind="main" work={answer} key={invitation}>
      Let it ask
    </WorkButton>
  )
}

/** For whoever has the wallet open already. */
export function ScanSale() {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>Scan the shop’s QR code</Button>
      <ScanDialog
        title="Scan the shop’s code"
        instead="Show a code instead"
        open={isOpen}
        onClose={() => setOpen(false)}
        onText={(text) => {
          const why = takeLink(text)
          if (why === null) setOpen(false)
          return why
        }}
      />
    </>
  )
}
