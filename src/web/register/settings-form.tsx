import { useSignal } from '@preact/signals'
import { Button, Field } from '../design/controls.tsx'
import { Dialog, say } from '../design/surfaces.tsx'
import { AccountPanel } from './account-panel.tsx'
import { areSettingsOpen, isAddress, settings } from './settings.ts'

/** What the register must know, asked once and kept in this browser. */
export function SettingsForm({ onSaved }: { onSaved: () => void }) {
  const wrong = useSignal<string | null>(null)
  const save = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const entered = new FormData(event.currentTarget)
    const textOf = (name: string) => String(entered.get(name) ?? '').trim()
    if (!isAddress(textOf('wallet'))) {
      wrong.value = 'An address is 0x and 40 letters and digits from 0 to f.'
      return
    }
    wrong.value = null
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
        hint="Payments go there. Check it twice: nobody can take a payment back."
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
