import { signal } from '@preact/signals'
import { isApiKey, type Settings, settings } from './settings.ts'
import { troubleWithAddress } from './typed-address.ts'

/** What a link wants this register to be set to: only what it names. */
export type Offer = Partial<Pick<Settings, 'wallet' | 'shopName' | 'apiKey'>>

/** What a link wants, until somebody has said yes or no to it. */
export const offered = signal<Offer | null>(null)

/** Why a link was not taken. */
export const refusedLink = signal<string | null>(null)

/**
 * Reads what stands after the # of the address, and takes it out of the address at once: `#A1B2C3` is a payer's code,
 * `#wallet=…&shop=…&key=…` sets a register up. Nothing is set before somebody has agreed.
 * @returns the payer's code, or null
 */
export function takeFragment(): string | null {
  const fragment = location.hash.slice(1)
  if (fragment === '') return null
  history.replaceState(null, '', location.pathname + location.search)
  if (!fragment.includes('=')) return fragment
  const read = readOffer(new URLSearchParams(fragment))
  if (typeof read === 'string') refusedLink.value = read
  else if (Object.keys(read).length > 0) offered.value = read
  return null
}

/** @returns what would change, or why the link is no good */
function readOffer(given: URLSearchParams): Offer | string {
  const wallet = given.get('wallet') ?? ''
  const shopName = given.get('shop') ?? ''
  const apiKey = given.get('key') ?? ''
  const trouble = wallet === '' ? null : troubleWithAddress(wallet)
  if (trouble !== null) return `The address of the wallet in this link cannot be used. ${trouble} Nothing was changed.`
  if (apiKey !== '' && !isApiKey(apiKey)) return 'The API key in this link is not whole. Nothing was changed.'
  if (shopName.length > 60 || /\p{C}/u.test(shopName))
    return 'The name of the shop in this link cannot be used. Nothing was changed.'
  const now = settings.value
  if (apiKey !== '' && now.apiKey !== '' && apiKey !== now.apiKey) {
    return 'This register has a key already. Sign out in Settings first, then open the link again. Nothing was changed.'
  }
  return {
    ...(wallet !== '' && wallet.toLowerCase() !== now.wallet.toLowerCase() && { wallet }),
    ...(shopName !== '' && shopName !== now.shopName && { shopName }),
    ...(apiKey !== '' && apiKey !== now.apiKey && { apiKey }),
  }
}

export function acceptOffer(offer: Offer): void {
  settings.value = { ...settings.value, ...offer }
  offered.value = null
}
