import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { createInvitation, waitForInvited } from '../../client/index.ts'
import { Qr } from '../design/codes.tsx'
import { Button } from '../design/controls.tsx'
import { UnsupportedError } from '../design/faults.ts'
import { groupThousands } from '../design/money.tsx'
import { Dialog } from '../design/surfaces.tsx'
import { explain, isAway } from './ask.ts'
import { type Asked, totalsOf } from './sale.ts'
import { settings } from './settings.ts'

type InviteProps = {
  /** What is to be asked for; null: nobody is invited. */
  asked: readonly Asked[] | null
  onClose: () => void
  /** The payer has answered, and this is its code. */
  onCode: (code: string) => void
}

/** Shows the payer's phone a QR code that brings its wallet here, in place of a code that is told. */
export function InviteDialog({ asked, onClose, onCode }: InviteProps) {
  return (
    <Dialog title="Let the payer scan this" open={asked !== null} onClose={onClose}>
      {asked !== null && <Invite ask={inWords(asked)} onCode={onCode} />}
      <Button onClick={onClose}>Close</Button>
    </Dialog>
  )
}

function Invite({ ask, onCode }: { ask: string; onCode: (code: string) => void }) {
  const link = useSignal<string | null>(null)
  const trouble = useSignal<string | null>(null)
  useEffect(() => {
    const ending = new AbortController()
    const show = (invitation: string) => {
      link.value = linkTo(invitation, ask)
    }
    const tell = (text: string | null) => {
      trouble.value = text
    }
    invite({ show, tell }, ending.signal)
      .then(onCode)
      .catch((error) => {
        if (!ending.signal.aborted) tell(explain(error))
      })
    return () => ending.abort()
  }, [])
  return (
    <>
      <p class="invite__ask">{ask}</p>
      {trouble.value !== null && (
        <p class="notice notice--bad" role="alert">
          {trouble.value}
        </p>
      )}
      {link.value !== null && <Shown link={link.value} />}
    </>
  )
}

function Shown({ link }: { link: string }) {
  return (
    <>
      <Qr text={link} label="QR code of this sale" />
      <p role="status">Waiting for a payer to scan it with a phone, or with a wallet.</p>
      {isLoopback(location.hostname) && (
        <p class="notice notice--wait">
          This register is open at <code>{location.host}</code>, which is this machine alone: phones cannot follow it.
        </p>
      )}
      <p class="small">
        <a href={link} target="_blank" rel="noopener">
          The same as a link
        </a>
        : whoever follows it can pay this sale, and nothing else. The first who answers is asked.
      </p>
    </>
  )
}

type Teller = { show: (invitation: string) => void; tell: (trouble: string | null) => void }

/** Makes an invitation and waits for its answer. @returns the payer's code */
async function invite({ show, tell }: Teller, signal: AbortSignal): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) throw new UnsupportedError(NO_CRYPTO)
  const { invitation, secret } = await createInvitation()
  show(invitation)
  for (;;) {
    try {
      return await waitForInvited({ url: location.origin, secret, signal, onServerTime: () => tell(null) })
    } catch (error) {
      if (!isAway(error)) throw error
      tell(explain(error))
    }
  }
}

const NO_CRYPTO =
  'The browser gives this page no cryptography (Web Crypto). Pages that came over plain http have none: use https or localhost, or type the payer’s code.'

/** What stands after the # is sent to no server. */
function linkTo(invitation: string, ask: string): string {
  const { shopName } = settings.value
  const said = new URLSearchParams({ invitation, ...(shopName !== '' && { shop: shopName }), ask })
  return `${location.origin}/wallet#${said}`
}

function inWords(asked: readonly Asked[]): string {
  return totalsOf(asked)
    .map(({ amount, symbol }) => `${groupThousands(amount)} ${symbol}`)
    .join(' and ')
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.|\[::1\]$)/.test(host)
}
