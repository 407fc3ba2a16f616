import { signal } from '@preact/signals'
import type { PageWallet, Provider } from './chain.ts'
import { type Account, keep, kept } from './keep.ts'
import { seal, unseal } from './vault.ts'

/** A wallet of the browser, as it announces itself (EIP-6963). */
export type Extension = { info: { name: string; rdns: string }; provider: Provider }

/** Which wallet this browser has been set up with; null before. */
export const account = signal<Account | null>(kept('account'))

/** What signs; null while it is locked, or not connected. */
export const wallet = signal<PageWallet | null>(null)

/** The wallets that the browser has told of. */
export const extensions = signal<readonly Extension[]>([])

/** Asks the browser's wallets to announce themselves, and takes up the one that was used before. */
export function findExtensions(): void {
  window.addEventListener('eip6963:announceProvider', (event) => {
    if (event instanceof CustomEvent) add(event.detail)
  })
  window.dispatchEvent(new Event('eip6963:requestProvider'))
  addUnannounced()
  // Wallets of phones may come later than the page.
  window.addEventListener('ethereum#initialized', addUnannounced)
}

function add(found: Extension): void {
  const others = extensions.value.filter(({ info, provider }) => {
    const isUnannounced = info.rdns === UNANNOUNCED.rdns
    return info.rdns !== found.info.rdns && !(isUnannounced && isSameWallet(provider, found.provider))
  })
  extensions.value = [...others, found]
  if (account.value?.kind === 'extension' && account.value.rdns === found.info.rdns) {
    // A wallet that does not answer stays one to be connected.
    takeUp(found).catch(() => undefined)
  }
}

/** What a wallet goes by that does not announce itself, but stands at `window.ethereum`, as all did once. */
const UNANNOUNCED = { name: 'Wallet of this browser', rdns: 'window.ethereum' }

function addUnannounced(): void {
  const provider: unknown = Reflect.get(window, 'ethereum')
  if (!isProvider(provider)) return
  if (extensions.value.some((other) => isSameWallet(provider, other.provider))) return
  add({ info: UNANNOUNCED, provider })
}

function isProvider(value: unknown): value is Provider {
  return typeof value === 'object' && value !== null && 'request' in value && typeof value.request === 'function'
}

/**
 * Whether a wallet at `window.ethereum` is one that has announced itself. It may stand there behind a proxy, and is then
 * known by what it says of itself (`isMetaMask`); one that says nothing counts as announced.
 */
function isSameWallet(unannounced: Provider, announced: Provider): boolean {
  const says = (provider: Provider, name: string) => Reflect.get(provider, name) === true
  const names = Object.keys(unannounced).filter((name) => /^is[A-Z]/.test(name) && says(unannounced, name))
  return unannounced === announced || names.length === 0 || names.some((name) => says(announced, name))
}

/** Seals a key in this browser and takes it for the wallet. */
export async function setUpKey(privateKey: string, passphrase: string): Promise<void> {
  const { addressOf, keyWallet } = await import('./chain.ts')
  const address = addressOf(privateKey)
  if (address === null) throw new Error('This is no private key: it has 64 hexadecimal digits after 0x.')
  setUp({ kind: 'key', ...(await seal({ address, privateKey }, passphrase)) })
  wallet.value = keyWallet(privateKey)
}

/** @throws WrongPassphrase */
export async function unlock(passphrase: string): Promise<void> {
  if (account.value?.kind !== 'key') return
  const privateKey = await unseal(account.value, passphrase)
  const { keyWallet } = await import('./chain.ts')
  wallet.value = keyWallet(privateKey)
}

/** From here on the key is nowhere but sealed. */
export function lock(): void {
  wallet.value = null
}

/** Asks the owner of a wallet of the browser for an address to pay from. */
export async function connect(extension: Extension): Promise<void> {
  const address = firstOf(await extension.provider.request({ method: 'eth_requestAccounts' }))
  if (address === undefined) throw new Error('The wallet has named no address.')
  setUp({ kind: 'extension', address, rdns: extension.info.rdns })
  await open(extension, address)
}

/** Takes the wallet out of this browser. */
export function forget(): void {
  wallet.value = null
  account.value = null
  keep('account', null)
}

function setUp(next: Account): void {
  keep('account', next)
  account.value = next
}

/** Without a question to the owner, who has been asked before. */
async function takeUp(extension: Extension): Promise<void> {
  const addresses = await extension.provider.request({ method: 'eth_accounts' })
  const address = account.value?.address.toLowerCase() ?? ''
  if (includesAddress(addresses, address)) await open(extension, address)
}

async function open({ provider }: Extension, address: string): Promise<void> {
  const { extensionWallet } = await import('./chain.ts')
  wallet.value = extensionWallet(provider, address)
  provider.on?.('accountsChanged', (addresses) => {
    if (!includesAddress(addresses, address)) wallet.value = null
  })
}

function firstOf(addresses: unknown): string | undefined {
  return Array.isArray(addresses) && typeof addresses[0] === 'string' ? addresses[0] : undefined
}

function includesAddress(addresses: unknown, wanted: string): boolean {
  return Array.isArray(addresses) && addresses.some((address) => isSameAddress(`${address}`, wanted))
}

export function isSameAddress(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}
