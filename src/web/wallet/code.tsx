import type { ContextView } from '../../client/index.ts'
import { CodeDisplay, Qr } from '../design/codes.tsx'
import { Countdown } from '../design/progress.tsx'
import { Card } from '../design/surfaces.tsx'
import { WorkButton } from './busy.tsx'
import { closeContext, context, openContext } from './desk.ts'
import { ScanSale } from './invited.tsx'
import { serverNowMs, useIsPast } from './time.ts'

/** The code to tell whoever is to be paid. */
export function Code({ address }: { address: string }) {
  const { value: open } = context
  return (
    <Card title="Your code">
      <div class="stack" aria-live="polite">
        {open === null ? <p>Show a code, and tell it to whoever is to be paid.</p> : <OpenCode open={open} />}
      </div>
      <div class="row">
        {open && (
          <WorkButton work={() => closeContext(open.id)} key={open.id}>
            Close this code
          </WorkButton>
        )}
        <NewCode open={open} address={address} />
        <ScanSale />
      </div>
    </Card>
  )
}

function NewCode({ open, address }: { open: ContextView | null; address: string }) {
  const isOver = useIsPast(open === null ? 0 : Date.parse(open.expiresAt))
  return (
    <WorkButton {...(isOver && { kind: 'main' as const })} work={() => openContext(address)}>
      {open === null ? 'Show a code' : 'Another code'}
    </WorkButton>
  )
}

function OpenCode({ open }: { open: ContextView }) {
  const endsAtMs = Date.parse(open.expiresAt)
  if (useIsPast(endsAtMs)) {
    return (
      <p class="notice">
        The code {open.code} has run out. What was asked by it stays; for something new, show another code.
      </p>
    )
  }
  return (
    <>
      <CodeDisplay code={open.code} label="Your code" />
      <Qr text={open.code} label={`QR code of ${open.code}`} />
      <p>
        Tell it to the shop, or let it be scanned. Time left: <Countdown untilMs={endsAtMs} nowMs={serverNowMs} />
      </p>
    </>
  )
}
