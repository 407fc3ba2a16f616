import { concat, createPublicClient, createWalletClient, erc20Abi, type Hex, http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import type { CurrencyView } from '../protocol/schemas.ts'
import { SANDBOX_ACCOUNT_CODE, SANDBOX_MNEMONIC } from '../sandbox/facts.ts'

export type DemoWallet = ReturnType<typeof openDemoWallet>

/** As payments and `wallet_sendCalls` have it: `value` in wei, in decimal or in hex. */
type Call = { to: string; value: string; data: string }

/** What an account has for code while it delegates (EIP-7702). */
const DELEGATED_CODE = concat(['0xef0100', SANDBOX_ACCOUNT_CODE]).toLowerCase()

/** The payer's wallet, with a key of the sandbox chain; it also looks up what the payee holds. */
export function openDemoWallet(rpcUrl: string) {
  const transport = http(rpcUrl)
  const account = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex: 1 })
  const payee = mnemonicToAccount(SANDBOX_MNEMONIC, { addressIndex: 3 }).address
  const client = createWalletClient({ account, transport })
  const chain = createPublicClient({ transport })

  const isDelegated = async () => (await chain.getCode({ address: account.address })) === DELEGATED_CODE
  const authorization = () => client.signAuthorization({ contractAddress: SANDBOX_ACCOUNT_CODE, executor: 'self' })
  return {
    payer: account.address,
    payee,
    send: (call: Call) => client.sendTransaction({ chain: null, ...readCall(call) }),

    /**
     * What a wallet does when it is asked for `wallet_sendCalls`: all of them in one transaction of the account to
     * itself. The first time, the transaction also has the account delegate to code that makes the calls.
     */
    sendCalls: async (calls: Call[]) =>
      client.sendTransaction({
        chain: null,
        to: account.address,
        data: encodeExecuteData({ calls: calls.map(readCall) }),
        ...(!(await isDelegated()) && { authorizationList: [await authorization()] }),
      }),

    balances: (currencies: CurrencyView[]) =>
      Promise.all(
        currencies.map(({ address }) =>
          chain.readContract({ address: address as Hex, abi: erc20Abi, functionName: 'balanceOf', args: [payee] }),
        ),
      ),
  }
}

function readCall({ to, value, data }: Call) {
  return { to: to as Hex, value: BigInt(value), data: data as Hex }
}
