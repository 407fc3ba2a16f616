import { createWalletClient, http, publicActions } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type PayerWallet, viemWallet } from '../../src/client/index.ts'

/** Compiled with `exactOptionalPropertyTypes`, as many programs that use the SDK are: a client of viem is what it takes. */
export function exactWallet(privateKey: `0x${string}`): PayerWallet {
  const account = privateKeyToAccount(privateKey)
  return viemWallet(createWalletClient({ account, transport: http() }).extend(publicActions))
}
