import { useSignal } from '@preact/signals'
import { ProblemError } from '../../client/index.ts'
import { quotable } from '../../protocol/plain-text.ts'
import { Button, Field } from '../design/controls.tsx'
import { forgetKey, isSigningOut, signInRegister, signOut } from './account.ts'
import { explain } from './ask.ts'
import { isOver } from './sale.ts'
import { sales } from './sales.ts'
import { isApiKey, settings } from './settings.ts'

/** By what right this register asks, and how to change that. */
export function AccountPanel() {
  const { apiKey, ownKey, leftKeyId } = settings.value
  return (
    <section class="stack account" aria-labelledby="account">
      <h3 id="account" tabIndex={-1}>
        Account
      </h3>
      {isSigningOut.value && <p role="status">Signing out…</p>}
      {leftKeyId !== '' && !isSigningOut.value && <LeftKey id={leftKeyId} />}
      {apiKey === '' && <SignIn />}
      {apiKey === '' && <BringKey />}
      {ownKey !== null && <SignedIn name={ownKey.name} />}
      {apiKey !== '' && ownKey === null && <BroughtKey />}
    </section>
  )
}

function SignIn() {
  const trouble = useSignal<string | null>(null)
  const isBusy = useSignal(false)
  const enter = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    if (isBusy.value) return
    const entered = new FormData(event.currentTarget)
    const isNew = event.submitter?.getAttribute('name') === 'new'
    const who = { email: String(entered.get('email')).trim(), password: String(entered.get('password')) }
    isBusy.value = true
    trouble.value = null
    signInRegister(who, { isNew })
      .then(() => document.getElementById('account')?.focus())
      .catch((error) => {
        trouble.value = explainSignIn(error)
      })
      .finally(() => {
        isBusy.value = false
      })
  }
  return (
    <form class="stack" onSubmit={enter} noValidate>
      <p class="muted small">
        Not needed: the payer’s code is enough. Signed in, this register shows the sales of all your registers, also
        after this browser was cleared.
      </p>
      <Field label="Email">
        {(control) => <input {...control} class="control" name="email" type="email" autocomplete="username" />}
      </Field>
      <Field
        label="Password"
        hint="At least 8 characters. It is not kept: this register gets a key of its own, which you can revoke."
        error={trouble.value}
      >
        {(control) => (
          <input {...control} class="control" name="password" type="password" autocomplete="current-password" />
        )}
      </Field>
      <div class="row">
        <Button type="submit" disabled={isBusy.value}>
          Sign in
        </Button>
        <Button type="submit" kind="plain" name="new" disabled={isBusy.value}>
          Make an account
        </Button>
      </div>
    </form>
  )
}

/** The fields have names of their own on the page. */
function explainSignIn(error: unknown): string {
  if (!(error instanceof ProblemError) || error.code !== 'validation_failed') return explain(error)
  const isAboutEmail = error.errors.some(({ path }) => path === '/data/email')
  return isAboutEmail ? 'That is not an email address.' : 'A password has at least 8 characters.'
}

function BringKey() {
  const wrong = useSignal<string | null>(null)
  const bring = (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault()
    const apiKey = String(new FormData(event.currentTarget).get('apiKey')).trim()
    wrong.value = isApiKey(apiKey) ? null : 'A key is sxp_ and 43 letters, digits, - and _.'
    if (isApiKey(apiKey)) settings.value = { ...settings.value, apiKey }
  }
  return (
    <details>
      <summary>Use an API key that you have</summary>
      <form class="stack" onSubmit={bring} noValidate autocomplete="off">
        <Field label="API key" hint="All sales belong to its owner. It stays in this browser." error={wrong.value}>
          {(control) => (
            <input {...control} class="control control--mono" name="apiKey" type="password" autocomplete="off" />
          )}
        </Field>
        <div class="row">
          <Button type="submit">Use this key</Button>
        </div>
      </form>
    </details>
  )
}

function SignedIn({ name }: { name: string }) {
  const leave = () => {
    void signOut()
  }
  return (
    <>
      <p>
        Signed in. This register asks with a key of its own, “<bdi>{quotable(name)}</bdi>”, which is revoked when you
        sign out. Whoever uses this machine can use it till then.
      </p>
      <UnderWay />
      <div class="row">
        <Button onClick={leave}>Sign out</Button>
      </div>
    </>
  )
}

function BroughtKey() {
  return (
    <>
      <p>This register asks with an API key that was brought here. Whoever uses this machine can use it too.</p>
      <UnderWay />
      <div class="row">
        <Button onClick={forgetKey}>Forget the key</Button>
      </div>
    </>
  )
}

/** What would be lost from sight without the key. */
function UnderWay() {
  const waiting = sales.value.filter((sale) => !isOver(sale) && sale.token === null && sale.elsewhere === undefined)
  if (waiting.length === 0) return null
  return (
    <p class="notice notice--wait">
      Sales are still under way here: {waiting.length}. Without the key this register does not see how they end.
    </p>
  )
}

function LeftKey({ id }: { id: string }) {
  const done = () => {
    settings.value = { ...settings.value, leftKeyId: '' }
  }
  return (
    <div class="notice notice--bad stack stack--tight" role="alert">
      <p>
        The key was forgotten here, but the server could not be reached: until somebody revokes it, it still works. On
        the server: <code class="address">sixpence keys revoke {id}</code>
      </p>
      <div class="row">
        <Button onClick={done}>It is revoked</Button>
      </div>
    </div>
  )
}
