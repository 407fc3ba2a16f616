import { useSignal } from '@preact/signals'
import { Address } from '../design/address.tsx'
import { Button, Field } from '../design/controls.tsx'
import { Dialog, say } from '../design/surfaces.tsx'
import { AccountPanel } from './account-panel.tsx'
import { areSettingsOpen, settings } from './settings.ts'
import { troubleWithAddress } from './typed-address.ts'

const WHOLE_LENGTH = '0x'.length + 40

/** What the register must know, asked once and kept in this browser. */
export function SettingsForm({ onSaved }: { onSaved: () => void }) {
  const wrong = useSignal<string | null>(null)
  const typed = useSignal(settings.value.wallet)
  const isWhole = troubleWithAddress(typed.value) === null
  const save = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const entered = new FormData(event.currentTarget)
    const textOf = (name: string) => String(entered.get(name) ?? '').trim()
    wrong.value = troubleWithAddress(textOf('wallet'))
    if (wrong.value !== null) return
    settings.value = {
      ...settings.value,
      ...{ wallet: textOf('wallet'), shopName: textOf('shopName') },
    }
    onSaved()
  }
  return (
    <form class="stack" onSubmit={save} noValidate autocomplete="off">
      <Field
        label="Your wallet’s address"
        hint={isWhole ? <WholeAddress address={typed.value} /> : 'Payments go there: copy it from your wallet.'}
        error={wrong.value}
      >
        {(control) => (
          <input
            {...control}
            class="control control--mono"
            name="wallet"
            placeholder="0x…"
            spellcheck={false}
            defaultValue={settings.value.wallet}
            onInput={({ currentTarget }) => {
              typed.value = currentTarget.value.trim()
              // Once all of it is there, a slip is told at once.
              wrong.value = typed.value.length < WHOLE_LENGTH ? null : troubleWithAddress(typed.value)
            }}
          />
        )}
      </Field>
      <Field label="Name of the shop" hint="Payers see who asks; receipts bear it.">
        {(control) => (
          <input {...control} class="control" name="shopName" maxLength={60} defaultValue={settings.value.shopName} />
        )}
      </Field>
      <Button type="submit" kind="main">
        Save
      </Button>
    </form>
  )
}

function WholeAddress({ address }: { address: string }) {
  return (
    <span class="stack stack--tight">
      <span>Payments go there, and nobody can take them back. Compare each group with your wallet:</span>
      <Address address={address} />
    </span>
  )
}

export function SettingsDialog() {
  const close = () => {
    areSettingsOpen.value = false
  }
  return (
    <Dialog title="Settings" open={areSettingsOpen.value} onClose={close}>
      <SettingsForm
        onSaved={() => {
          close()
          say('Saved in this browser.')
        }}
      />
      <AccountPanel />
      <Button kind="plain" onClick={close}>
        Close
      </Button>
    </Dialog>
  )
}
