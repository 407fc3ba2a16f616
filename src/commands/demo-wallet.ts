import { concat, createPublicClient, createWalletClient, erc20Abi, type Hex, http, publicActions } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import { type CurrencyView, viemSender, viemWallet, type WalletCalls } from '../client/index.ts'
import { SANDBOX_ACCOUNT_CODE, SANDBOX_CHAIN_ID, SANDBOX_MNEMONIC } from '../sandbox/facts.ts'

export type DemoWallet = ReturnType<typeof openDemoWallet>

/** The sandbox makes its blocks at once. */
const POLLING_INTERVAL_MS = 100

/** What an account has for code while it delegates (EIP-7702). */
const DELEGATED_CODE = concat(['0xef0100', SANDBOX_ACCOUNT_CODE]).toLowerCase()

/** The payer's wallet, with a key of the sandbox chain; it also looks up what the payee holds. */
export function openDemoWallet(rpcUrl: string) {
  const transport = http(rpcUrl)
  const account = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex: 1 })
  const payee = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex: 3 }).address
  const client = createWalletClient({ account, transport, pollingInterval: POLLING_INTERVAL_MS }).extend(publicActions)
  const chain = createPublicClient({ transport })

  const isDelegated = async () => (await chain.getCode({ address: account.address })) === DELEGATED_CODE
  const authorization = () => client.signAuthorization({ contractAddress: SANDBOX_ACCOUNT_CODE, executor: 'self' })
  const wallet = viemWallet(client)
  const send = viemSender(client)
  const isPossible = async (chainId: number) => chainId === SANDBOX_CHAIN_ID

  /**
   * What a wallet does when it is asked for `wallet_sendCalls`: all of them in one transaction of the account to
   * itself. The first time, the transaction also has the account delegate to code that makes the calls.
   */
  const sendCalls = async ({ params: [{ calls }] }: WalletCalls) => {
    const data = encodeExecuteData({ calls: calls.map(readCall) })
    const delegation = (await isDelegated()) ? {} : { authorizationList: [await authorization()] }
    return send({ chain: null, to: account.address, value: 0n, data, ...delegation })
  }

  const waitForCalls = (hash: string) => wallet.waitForTransaction(hash)

  return {
    payer: account.address,
    payee,
    wallet: { ...wallet, batch: { isPossible, sendCalls, waitForCalls } },

    balances: (currencies: CurrencyView[]) =>
      Promise.all(
        currencies.map(({ address }) =>
          chain.readContract({ address: address as Hex, abi: erc20Abi, functionName: 'balanceOf', args: [payee] }),
        ),
      ),
  }
}

function readCall({ to, value, data }: WalletCalls['params'][0]['calls'][number]) {
  return { to: to as Hex, value: BigInt(value), data: data as Hex }
}
