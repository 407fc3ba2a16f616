import type { TermedVoucher } from '../domain/voucher.ts'
import type { WalletId } from '../domain/wallet.ts'
import type { App } from './app.ts'

/** Whether one of these wallets has shown to be that of the voucher's payer: it has signed the voucher, or signs in to the account. */
export async function holdsWallet(app: App, voucher: TermedVoucher, wallets: WalletId[]): Promise<boolean> {
  return isSignedByOne(voucher, wallets) || (await accountsOf(app, wallets)).includes(voucher.payerId)
}

export function isSignedByOne({ signedBy }: TermedVoucher, wallets: WalletId[]): boolean {
  return signedBy !== undefined && signedBy !== null && wallets.includes(signedBy)
}

/** Who signs in with these. */
export async function accountsOf(app: App, wallets: WalletId[]): Promise<string[]> {
  const credentials = await Promise.all(wallets.map((wallet) => app.store.credential('wallet', wallet)))
  return credentials.flatMap((credential) => credential?.accountId ?? [])
}
