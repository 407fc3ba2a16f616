import { createWalletClient, custom, defineChain, http, isHex, keccak256, publicActions } from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import { type PayerWallet, viemSender, viemWallet, type WalletCalls } from '../../client/index.ts'
import {
  SANDBOX_ACCOUNT_CODE,
  SANDBOX_ACCOUNT_COUNT,
  SANDBOX_CHAIN_ID,
  SANDBOX_MNEMONIC,
  SANDBOX_NATIVE_CURRENCY,
} from '../../sandbox/facts.ts'

/** This file brings the chain library with it: import it by `await import`, when it is needed. */

type Hex = `0x${string}`

/** EIP-1193. */
export type Provider = {
  request: (call: { method: string; params?: unknown }) => Promise<unknown>
  on?: (event: 'accountsChanged', heard: (addresses: string[]) => void) => void
}

const POLL_MS = 500

/** What an account has for code while it delegates (EIP-7702). */
const DELEGATED_CODE = `0xef0100${SANDBOX_ACCOUNT_CODE.slice('0x'.length)}`.toLowerCase()

/** @returns the private key of one of the sandbox's accounts, which everybody knows */
export function sandboxKey(index: number): Hex {
  if (index < 0 || index >= SANDBOX_ACCOUNT_COUNT) throw new Error(`the sandbox has no account ${index}`)
  const { privateKey } = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex: index }).getHdKey()
  if (privateKey === null) throw new Error('the account has no key')
  return `0x${Array.from(privateKey, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** @returns the address, or null where it is no private key */
export function addressOf(privateKey: string): string | null {
  try {
    return privateKeyToAccount(hexOf(privateKey)).address
  } catch {
    return null
  }
}

/** A wallet that signs by a key in this page, on the sandbox's chain and on no other. */
export function keyWallet(privateKey: string): PayerWallet {
  const chain = defineChain({
    id: SANDBOX_CHAIN_ID,
    name: 'Sandbox',
    nativeCurrency: { name: SANDBOX_NATIVE_CURRENCY.symbol, ...SANDBOX_NATIVE_CURRENCY },
    rpcUrls: { default: { http: [`${location.origin}/sandbox/rpc`] } },
  })
  const account = privateKeyToAccount(hexOf(privateKey))
  const client = createWalletClient({ account, chain, transport: http(), pollingInterval: POLL_MS }).extend(
    publicActions,
  )
  const wallet = viemWallet(client, { keccak256 })
  const send = viemSender(client, { keccak256 })

  const isDelegated = async () => (await client.getCode({ address: account.address })) === DELEGATED_CODE
  const authorization = () => client.signAuthorization({ contractAddress: SANDBOX_ACCOUNT_CODE, executor: 'self' })
  const batch: PayerWallet['batch'] = {
    isPossible: async (chainId) =>
      chainId === SANDBOX_CHAIN_ID && (await client.getCode({ address: SANDBOX_ACCOUNT_CODE })) !== undefined,
    // All calls in one transaction of the account to itself; the first of them also delegates to code that makes them.
    sendCalls: async ({ params: [{ calls }] }, onSigned) => {
      const data = encodeExecuteData({ calls: calls.map(readCall) })
      const delegation = (await isDelegated()) ? {} : { authorizationList: [await authorization()] }
      return send({ chain: null, to: account.address, value: 0n, data, ...delegation }, onSigned)
    },
    waitForCalls: wallet.waitForTransaction,
  }
  return { ...wallet, batch }
}

/** A wallet of the browser, which asks its owner for each signature. */
export function extensionWallet(provider: Provider, address: string): PayerWallet {
  const client = createWalletClient({ account: hexOf(address), transport: custom(provider), pollingInterval: POLL_MS })
  return viemWallet(client.extend(publicActions))
}

function readCall({ to, value, data }: WalletCalls['params'][0]['calls'][number]) {
  return { to: hexOf(to), value: BigInt(value), data: hexOf(data) }
}

function hexOf(text: string): Hex {
  if (isHex(text)) return text
  throw new Error(`This is not hexadecimal: ${text.slice(0, 10)}`)
}
