import {
  createWalletClient,
  custom,
  defineChain,
  erc20Abi,
  http,
  isHex,
  keccak256,
  type PublicActions,
  publicActions,
} from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import { type PayerWallet, type VoucherView, viemSender, viemWallet, type WalletCalls } from '../../client/index.ts'
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

/**
 * What the payer has, in the smallest units: of a token, and of the network's coin; and what the network is estimated to
 * take, null where that cannot be told, as of a step that only works after another.
 */
export type Means = { held: bigint; coin: bigint; fee: bigint | null }

type Payments = readonly Pick<NonNullable<VoucherView['payments']>[number], 'chainId' | 'input'>[]

/** The wallet of this page, which also reads what its owner has. */
export type PageWallet = PayerWallet & {
  /** @param token the address of its contract, "" for the coin. @throws where the chain is another or does not answer */
  meansFor: (payments: Payments, token: string) => Promise<Means>
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
export function keyWallet(privateKey: string): PageWallet {
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
  return { ...wallet, batch, meansFor: meansReader(client, account.address) }
}

/** A wallet of the browser, which asks its owner for each signature. */
export function extensionWallet(provider: Provider, address: string): PageWallet {
  const client = createWalletClient({ account: hexOf(address), transport: custom(provider), pollingInterval: POLL_MS })
  const reading = client.extend(publicActions)
  return { ...viemWallet(reading), meansFor: meansReader(reading, hexOf(address)) }
}

type Reading = Pick<PublicActions, 'getChainId' | 'getBalance' | 'getGasPrice' | 'estimateGas' | 'readContract'>

/** Asks for nothing that an owner would have to agree to: a wallet that is on another chain is left there. */
function meansReader(client: Reading, account: Hex): PageWallet['meansFor'] {
  const gasOf = ({ input: { to, value, data } }: Payments[number]) =>
    client.estimateGas({ account, to: hexOf(to), value: BigInt(value), data: hexOf(data) }).catch(() => null)
  return async (payments, token) => {
    const chainId = await client.getChainId()
    if (payments.some((payment) => payment.chainId !== chainId)) throw new Error('The wallet is on another chain.')
    const coin = await client.getBalance({ address: account })
    const [held, gasPrice, gas] = await Promise.all([
      token === ''
        ? coin
        : client.readContract({ abi: erc20Abi, address: hexOf(token), functionName: 'balanceOf', args: [account] }),
      client.getGasPrice(),
      Promise.all(payments.map(gasOf)),
    ])
    const known = gas.filter((units) => units !== null)
    const isKnown = known.length === gas.length
    return { held, coin, fee: isKnown ? known.reduce((sum, units) => sum + units, 0n) * gasPrice : null }
  }
}

function readCall({ to, value, data }: WalletCalls['params'][0]['calls'][number]) {
  return { to: hexOf(to), value: BigInt(value), data: hexOf(data) }
}

function hexOf(text: string): Hex {
  if (isHex(text)) return text
  throw new Error(`This is not hexadecimal: ${text.slice(0, 10)}`)
}
