import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { foldCode } from '../../protocol/codes.ts'
import { Address } from '../design/address.tsx'
import { CodeInput } from '../design/codes.tsx'
import { Button, Field } from '../design/controls.tsx'
import { groupThousands, Keypad, Money, press } from '../design/money.tsx'
import { ScanDialog } from '../design/scan.tsx'
import { Card } from '../design/surfaces.tsx'
import * as draft from './draft.ts'
import { InviteDialog } from './invite.tsx'
import type { Asked } from './sale.ts'
import { totalsOf } from './sale.ts'
import { keep, shownId } from './sales.ts'
import { settings, shortAddress } from './settings.ts'
import { readKeyed } from './typed-amount.ts'
import { refusal } from './watch.ts'

type Wrong = { where: 'amount' | 'recipient' | 'code'; why: string } | null

/** Where a sale is rung up. */
export function Till() {
  const wrong = useSignal<Wrong>(null)
  const inviting = useSignal<readonly Asked[] | null>(null)
  const form = useRef<HTMLFormElement>(null)

  useEffect(() => focusOn(form.current, refusal.value?.isAboutCode ? 'code' : 'amount'), [])

  const complain = (next: Wrong) => {
    wrong.value = next
    if (next !== null) focusOn(form.current, next.where)
  }
  const add = () => {
    const line = draft.currentLine()
    if ('wrong' in line) return complain({ where: line.wrong, why: line.why })
    draft.addLine(line)
    complain(null)
    focusOn(form.current, 'amount')
  }
  const ask = (event: Event) => {
    event.preventDefault()
    const asked = allLines()
    if ('wrong' in asked) return complain({ where: asked.wrong, why: asked.why })
    if (foldCode(draft.code.value) === null) {
      return complain({ where: 'code', why: 'A code has six characters: digits and letters, but no U.' })
    }
    begin(asked)
  }
  const invite = () => {
    const asked = allLines()
    if ('wrong' in asked) return complain({ where: asked.wrong, why: asked.why })
    complain(null)
    inviting.value = asked
  }
  const errorAt = (where: string) => (wrong.value?.where === where ? wrong.value.why : null)

  return (
    <form class="till" onSubmit={ask} ref={form} noValidate autocomplete="off">
      <Card title="Sale">
        <AmountFields error={errorAt('amount')} recipientError={errorAt('recipient')} />
        <Button onClick={add}>Add another line</Button>
      </Card>
      <div class="till__side">
        <Lines />
        <Card title="Payer’s code">
          <PayersCode error={errorAt('code')} onInvite={invite} />
        </Card>
        <div class="next">
          <Button type="submit" kind="main" wide>
            {askingWords()}
          </Button>
        </div>
      </div>
      <InviteDialog
        asked={inviting.value}
        onClose={() => (inviting.value = null)}
        onCode={(code) => {
          const asked = inviting.value
          inviting.value = null
          draft.code.value = code
          if (asked !== null) begin(asked)
        }}
      />
    </form>
  )
}

function begin(asked: readonly Asked[]): void {
  const sale = draft.newSale(asked)
  refusal.value = null
  keep(sale)
  shownId.value = sale.id
}

/** What is listed and what is being keyed in, where that is anything or nothing is listed. */
function allLines(): Asked[] | { wrong: 'amount' | 'recipient'; why: string } {
  const listed = draft.lines.value
  if (listed.length > 0 && draft.amount.value === '') return [...listed]
  const current = draft.currentLine()
  return 'wrong' in current ? current : [...listed, current]
}

/** Names what will be asked, as soon as that is known. */
function askingWords(): string {
  const asked = allLines()
  if ('wrong' in asked) return 'Ask for payment'
  const totals = totalsOf(asked).map(({ amount, symbol }) => `${groupThousands(amount)} ${symbol}`)
  return `Ask for ${totals.join(' and ')}`
}

function focusOn(form: HTMLFormElement | null, name: string): void {
  const control = form?.elements.namedItem(name)
  if (control instanceof HTMLElement) control.focus()
}

function AmountFields({ error, recipientError }: { error: string | null; recipientError: string | null }) {
  const decimals = draft.currency.value?.decimals ?? 2
  return (
    <>
      <div class="asked">
        <Field label="Amount" error={error} hint={draft.understood.value ?? 'Key it in, or type it.'}>
          {(control) => (
            <input
              {...control}
              class="control asked__amount"
              name="amount"
              // The keypad is there for fingers; keys of a real keyboard work all the same.
              inputmode="none"
              placeholder="0"
              maxLength={40}
              value={draft.amount.value}
              onInput={(event) => {
                draft.amount.value = event.currentTarget.value
              }}
            />
          )}
        </Field>
        {draft.currencyTrouble.value === null && <CurrencyField />}
      </div>
      {draft.currencyTrouble.value !== null && <NoCurrencies trouble={draft.currencyTrouble.value} />}
      <Keypad
        onKey={(key) => {
          draft.amount.value = press(readKeyed(draft.amount.value) + trailingPoint(), key, decimals)
        }}
      />
      <RecipientField error={recipientError} />
    </>
  )
}

/** What `readKeyed` takes away from an amount that is still being keyed in. */
function trailingPoint(): string {
  return /[.,]$/.test(draft.amount.value) ? '.' : ''
}

function NoCurrencies({ trouble }: { trouble: string }) {
  return (
    <div class="notice notice--bad" role="alert">
      <p>
        <strong>There is no currency to ask in.</strong> {trouble}
      </p>
      <Button onClick={draft.loadCurrencies}>Try again</Button>
    </div>
  )
}

function CurrencyField() {
  return (
    <Field label="Currency">
      {(control) => (
        <select
          {...control}
          class="control"
          name="currency"
          onChange={(event) => {
            settings.value = { ...settings.value, currency: event.currentTarget.value }
          }}
        >
          {draft.currencies.value.map((one) => (
            <option key={draft.keyOf(one)} value={draft.keyOf(one)} selected={one === draft.currency.value}>
              {draft.nameOf(one)}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

function RecipientField({ error }: { error: string | null }) {
  return (
    <details class="recipient" open={draft.recipient.value !== '' || error !== null}>
      <summary>Paid to {draft.recipient.value ? 'somebody else' : shortAddress(settings.value.wallet)}</summary>
      {draft.recipient.value === '' && (
        <p class="small">
          <Address address={settings.value.wallet} />
        </p>
      )}
      <Field label="Pay this line to" error={error} hint="Empty: to this register’s own wallet.">
        {(control) => (
          <input
            {...control}
            class="control control--mono"
            name="recipient"
            placeholder="0x…"
            spellcheck={false}
            value={draft.recipient.value}
            onInput={(event) => {
              draft.recipient.value = event.currentTarget.value
            }}
          />
        )}
      </Field>
    </details>
  )
}

function Lines() {
  const lines = draft.lines.value
  if (lines.length === 0) return null
  return (
    <Card title="Lines">
      <ol class="lines">
        {lines.map((line, place) => (
          <li class="lines__line" key={`${place} ${line.amount} ${line.symbol} ${line.recipient}`}>
            <span class="muted small">{shortAddress(line.recipient)}</span>
            <Money amount={line.amount} currency={line.symbol} />
            <Button kind="plain" aria-label={`Remove line ${place + 1}`} onClick={() => draft.dropLine(place)}>
              Remove
            </Button>
          </li>
        ))}
      </ol>
    </Card>
  )
}

function PayersCode({ error, onInvite }: { error: string | null; onInvite: () => void }) {
  const scanning = useSignal(false)
  const refused = refusal.value
  const complaint = error ?? (refused?.isAboutCode ? refused.text : null)
  return (
    <>
      <Field label="Six characters" error={complaint} hint="The payer’s wallet shows them.">
        {(control) => (
          <CodeInput
            control={control}
            name="code"
            value={draft.code.value}
            onChange={(code) => {
              draft.code.value = code
              refusal.value = null
            }}
          />
        )}
      </Field>
      <Button onClick={() => (scanning.value = true)}>Scan the payer’s QR code</Button>
      <Button onClick={onInvite}>Let the payer scan</Button>
      {refused && !refused.isAboutCode && (
        <p class="notice notice--bad" role="alert">
          {refused.text}
        </p>
      )}
      <ScanDialog
        title="Scan the payer’s code"
        instead="Type it instead"
        open={scanning.value}
        onClose={() => (scanning.value = false)}
        onText={(text) => {
          const code = codeIn(text)
          if (code === null) return 'This is another QR code. The payer’s wallet shows the right one.'
          draft.code.value = code
          scanning.value = false
          return null
        }}
      />
    </>
  )
}

/** A QR code holds the six characters, or an address that ends with them after a #. */
function codeIn(text: string): string | null {
  return foldCode(text.slice(text.lastIndexOf('#') + 1))
}
