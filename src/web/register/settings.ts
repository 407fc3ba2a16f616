import { signal } from '@preact/signals'
import { kept } from './kept.ts'

export type Settings = {
  /** Where this register is paid. */
  wallet: string
  /** What payers are told of who asks, and what stands on receipts. */
  shopName: string
  /** Left empty, the payer's code is enough. Kept in this browser, and sent to nobody but the server. */
  apiKey: string
  /** Of the API key, where signing in made it for this register alone; null where somebody brought it. */
  ownKey: { id: string; name: string } | null
  /** The id of a key that could not be revoked when it was forgotten here; otherwise empty. */
  leftKeyId: string
  /** The currency that was last asked for. */
  currency: string
}

export const settings = kept<Settings>('settings', {
  ...{ wallet: '', shopName: '', currency: '' },
  ...{ apiKey: '', ownKey: null, leftKeyId: '' },
})

export const areSettingsOpen = signal(false)

export function isApiKey(text: string): boolean {
  return /^sxp_[\w-]{43}$/.test(text)
}

/** Enough of an address for eyes to compare. */
export function shortAddress(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`
}
