import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { SANDBOX_ACCOUNT_COUNT, SANDBOX_CHAIN_ID } from '../../sandbox/facts.ts'
import { Address } from '../design/address.tsx'
import { Button, Field } from '../design/controls.tsx'
import { Card, Dialog } from '../design/surfaces.tsx'
import { Theirs } from '../design/theirs.tsx'
import { useWork, WorkButton } from './busy.tsx'
import { areNetworksAsked, leave, networks, payer, signIn } from './desk.ts'
import { keptSent } from './keep.ts'
import { canSeal } from './vault.ts'
import { account, connect, extensions, forget, setUpKey, unlock, wallet } from './wallets.ts'
import { explain } from './words.ts'

/** Chooses what to pay with. */
export function SetUp() {
  if (!areNetworksAsked.value) return null
  const hasSandbox = networks.value.some(({ chainId }) => chainId === SANDBOX_CHAIN_ID)
  const own = <OwnWallet key="own" />
  const sandbox = hasSandbox && <SandboxKey key="sandbox" />
  return <div class="halves">{extensions.value.length > 0 ? [own, sandbox] : [sandbox, own]}</div>
}

function OwnWallet() {
  return (
    <Card title="Use your own wallet">
      {extensions.value.length === 0 && (
        <p class="muted">
          No wallet was found in this browser. If you have one as an extension, switch it on and load this page again.
        </p>
      )}
      {extensions.value.map((extension) => (
        <WorkButton key={extension.info.rdns} kind="main" work={() => connectAndSignIn(extension)}>
          Connect <Theirs text={extension.info.name} />
        </WorkButton>
      ))}
      <p class="muted small">Your keys stay in your wallet. It asks you before anything is paid.</p>
    </Card>
  )
}

async function connectAndSignIn(extension: Parameters<typeof connect>[0]): Promise<void> {
  await connect(extension)
  await signInNow()
}

/** How signing in goes on. It outlives what it was begun from: that goes as soon as there is a wallet. */
const signingIn = signal<{ is: 'asking' } | { is: 'refused'; why: string } | null>(null)

/** What refuses it, the server or the wallet, is said where one can try again. */
async function signInNow(): Promise<void> {
  if (wallet.value === null) return
  signingIn.value = { is: 'asking' }
  try {
    await signIn(wallet.value)
    signingIn.value = null
  } catch (error) {
    signingIn.value = { is: 'refused', why: explain(error, 'You declined in the wallet, so you are not signed in.') }
  }
}

const SHORTEST_PASSPHRASE = 8
const IMPORTED = 'imported'
const INDEXES = Array.from({ length: SANDBOX_ACCOUNT_COUNT }, (_, index) => index)

/** A wallet in the page itself, for play. */
function SandboxKey() {
  const [chosen, setChosen] = useState('1')
  const [imported, setImported] = useState('')
  const [passphrase, setPassphrase] = useState('')
  const { isBusy, trouble, start } = useWork()
  const create = async () => {
    if (passphrase.length < SHORTEST_PASSPHRASE) throw new Error(`Take at least ${SHORTEST_PASSPHRASE} characters.`)
    const { sandboxKey } = await import('./chain.ts')
    await setUpKey(chosen === IMPORTED ? imported.trim() : sandboxKey(Number(chosen)), passphrase)
    await signInNow()
  }
  return (
    <Card title="Play in the sandbox">
      <p class="notice notice--wait">
        <strong>This is play money.</strong> This server runs a test chain of its own. Nothing on it is worth anything,
        and everybody knows the keys of its accounts. Never put a key here that holds real money.
      </p>
      {!canSeal() && (
        <p class="notice notice--bad">
          The browser gives this page no cryptography (Web Crypto), so it cannot seal a key. Pages that came over plain
          http have none: use https or localhost.
        </p>
      )}
      <Form onSubmit={() => start(create)}>
        <Field label="Account">
          {(control) => (
            <select
              {...control}
              class="control"
              value={chosen}
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {INDEXES.map((index) => (
                <option key={index} value={index}>{`Sandbox account ${index}`}</option>
              ))}
              <option value={IMPORTED}>Import a key…</option>
            </select>
          )}
        </Field>
        {chosen === IMPORTED && (
          <Field label="Private key" hint="0x and 64 hexadecimal digits">
            {(control) => <Secret control={control} value={imported} onInput={setImported} autocomplete="off" />}
          </Field>
        )}
        <Field
          label="Passphrase"
          hint={`It seals the key in this browser, and opens it again. At least ${SHORTEST_PASSPHRASE} characters.`}
          error={trouble}
        >
          {(control) => (
            <Secret control={control} value={passphrase} onInput={setPassphrase} autocomplete="new-password" />
          )}
        </Field>
        <Button type="submit" kind="main" disabled={isBusy || !canSeal()}>
          {isBusy ? 'Sealing the key…' : 'Make this wallet'}
        </Button>
      </Form>
    </Card>
  )
}

/** Opens a wallet that is set up: by its passphrase, or by its owner's word in the extension. */
export function Open() {
  return account.value?.kind === 'key' ? <Unlock /> : <Reconnect />
}

async function unlockAndSignIn(passphrase: string): Promise<void> {
  await unlock(passphrase)
  if (payer.value === null) await signInNow()
}

function Unlock() {
  const [passphrase, setPassphrase] = useState('')
  const { isBusy, trouble, start } = useWork()
  return (
    <Card title="The wallet is locked">
      <Form onSubmit={() => start(() => unlockAndSignIn(passphrase))}>
        <Field label="Passphrase" error={trouble}>
          {(control) => (
            <Secret control={control} value={passphrase} onInput={setPassphrase} autocomplete="current-password" />
          )}
        </Field>
        <Button type="submit" kind="main" disabled={isBusy}>
          {isBusy ? 'Opening…' : 'Unlock'}
        </Button>
      </Form>
      <details>
        <summary>The passphrase is lost</summary>
        <Forget />
      </details>
    </Card>
  )
}

function Reconnect() {
  const { value: known } = account
  const extension = extensions.value.find(({ info }) => known?.kind === 'extension' && known.rdns === info.rdns)
  return (
    <Card title="Your wallet is not connected">
      <p>Connect it again to go on with the account that you have paid from here.</p>
      <div class="row">
        {extension && (
          <WorkButton kind="main" work={() => connectAndSignIn(extension)}>
            Connect <Theirs text={extension.info.name} />
          </WorkButton>
        )}
        <Button kind="plain" onClick={forgetAll}>
          Use another wallet
        </Button>
      </div>
    </Card>
  )
}

/** The wallet is open, and the server does not know yet who pays. */
export function SignIn() {
  return (
    <Card title="Sign in">
      <p>Sign a message with your wallet, so that the server knows who pays. It costs nothing.</p>
      <Button kind="main" disabled={signingIn.value?.is === 'asking'} onClick={() => void signInNow()}>
        {signingIn.value?.is === 'asking' ? 'Signing in…' : 'Sign in'}
      </Button>
      {signingIn.value?.is === 'refused' && (
        <p class="notice notice--bad" role="alert">
          {signingIn.value.why}
        </p>
      )}
    </Card>
  )
}

const isForgetting = signal(false)

/** A sealed key is gone for good, so its owner is asked again. */
function Forget() {
  const forget = () => {
    if (account.value?.kind === 'key') isForgetting.value = true
    else forgetAll()
  }
  return (
    <Button kind="plain" onClick={forget}>
      Forget this wallet
    </Button>
  )
}

export function ForgetDialog() {
  const close = () => {
    isForgetting.value = false
  }
  return (
    <Dialog title="Forget this wallet?" open={isForgetting.value} onClose={close}>
      <p>Its sealed key is deleted from this browser, and nobody can bring it back from here.</p>
      {keptSent().length > 0 && (
        <p class="notice notice--wait">
          It has sent something that the server has not taken yet. That receipt stays, and is handed in when this wallet
          is set up here again.
        </p>
      )}
      <div class="row">
        <Button
          kind="danger"
          onClick={() => {
            close()
            forgetAll()
          }}
        >
          Forget it
        </Button>
        <Button onClick={close}>Keep it</Button>
      </div>
    </Dialog>
  )
}

function forgetAll(): void {
  leave()
  forget()
}

/** Which wallet this is, and how to take it out of this browser. */
export function ThisWallet({ address }: { address: string }) {
  return (
    <Card title="This wallet">
      <p>
        <Address address={address} />
      </p>
      <div class="row">
        <Forget />
      </div>
    </Card>
  )
}

function Form({ onSubmit, children }: { onSubmit: () => void; children: ComponentChildren }) {
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}

type SecretProps = {
  control: { id: string }
  value: string
  onInput: (value: string) => void
  autocomplete: 'off' | 'new-password' | 'current-password'
}

function Secret({ control, value, onInput, autocomplete }: SecretProps) {
  return (
    <input
      {...control}
      class="control"
      type="password"
      value={value}
      autocomplete={autocomplete}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  )
}
