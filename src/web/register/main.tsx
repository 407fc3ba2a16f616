import { signal } from '@preact/signals'
import { Button } from '../design/controls.tsx'
import { Lacks } from '../design/lacks.tsx'
import { mount } from '../design/mount.tsx'
import { Card, Shell } from '../design/surfaces.tsx'
import { loadCurrencies, watchFragment } from './draft.ts'
import { History } from './history.tsx'
import { SaleView } from './sale-view.tsx'
import { shown } from './sales.ts'
import { SetUpDialog } from './set-up-dialog.tsx'
import { areSettingsOpen, settings } from './settings.ts'
import { SettingsDialog, SettingsForm } from './settings-form.tsx'
import { Till } from './till.tsx'
import { startWatching } from './watch.ts'

const isHistoryShown = signal(false)

function Register() {
  const isReady = settings.value.wallet !== ''
  const toggle = () => {
    isHistoryShown.value = !isHistoryShown.value
  }
  const actions = (
    <>
      <Button kind="plain" onClick={toggle}>
        {isHistoryShown.value ? 'Back' : 'History'}
      </Button>
      <Button kind="plain" onClick={() => (areSettingsOpen.value = true)}>
        Settings
      </Button>
    </>
  )
  return (
    <Shell title="Register" actions={isReady && actions}>
      <Lacks />
      {isReady ? <View /> : <FirstTime />}
      <SettingsDialog />
      <SetUpDialog />
    </Shell>
  )
}

function View() {
  if (isHistoryShown.value) return <History onOpen={() => (isHistoryShown.value = false)} />
  return shown.value === null ? <Till /> : <SaleView sale={shown.value} />
}

function FirstTime() {
  return (
    <div class="first-time">
      <Card title="Set up this register">
        <p>Say where you are paid. Then key in an amount, type the payer’s six characters, and wait for the green.</p>
        <SettingsForm onSaved={() => undefined} />
        <p class="muted small">An account is not needed. You can sign in later, in Settings.</p>
      </Card>
    </div>
  )
}

watchFragment()
startWatching()
void loadCurrencies()
mount(<Register />)
