import { SixpenceError, UnresolvedError } from './errors.ts'
import type { Alternative, FinishedCalls, OnSigned, PayerWallet } from './wallet.ts'

type Hex = `0x${string}`

/** As viem takes it. What else viem knows, such as `authorizationList` (EIP-7702), goes through untouched. */
type ViemTransaction = { chain: null; to: Hex; value: bigint; data: Hex; gas?: bigint }

/** What a viem client has that was made by `createWalletClient({ account, … }).extend(publicActions)`. */
export type ViemClient = {
  account: { address: Hex; type: string }
  getChainId(): Promise<number>
  switchChain(args: { id: number }): Promise<void>
  estimateGas(args: Omit<ViemTransaction, 'chain'>): Promise<bigint>
  prepareTransactionRequest(args: ViemTransaction): Promise<object>
  signTransaction(args: object): Promise<Hex>
  sendRawTransaction(args: { serializedTransaction: Hex }): Promise<Hex>
  sendTransaction(args: ViemTransaction): Promise<Hex>
  getTransaction(args: { hash: Hex }): Promise<unknown>
  waitForTransactionReceipt(args: { hash: Hex }): Promise<{ transactionHash: Hex; status: string }>
  signMessage(args: { message: string }): Promise<Hex>
  signTypedData(args: Alternative['typedData']): Promise<Hex>
  getCapabilities(args: { chainId: number }): Promise<{ atomic?: { status: string } | undefined }>
  request(args: { method: string; params?: unknown }): Promise<unknown>
  waitForCallsStatus(args: { id: string; timeout: number }): Promise<{
    status?: string | undefined
    statusCode?: number | undefined
    receipts?: { transactionHash: Hex }[] | undefined
  }>
}

/** Wallets ask people, and blocks take their time. */
const CALLS_PATIENCE_MS = 15 * 60 * 1000

export type ViemWalletOptions = {
  /** viem's own. With it `onSigned` hears of what a local key has signed before it goes out. */
  keccak256?: (bytes: Hex) => Hex
}

/** A payer's wallet from a viem client, with a local key or a wallet of the browser behind it. */
export function viemWallet(client: ViemClient, options: ViemWalletOptions = {}): PayerWallet {
  const send = viemSender(client, options)
  return {
    address: client.account.address,
    sendTransaction: async ({ chainId, to, value, data }, onSigned) => {
      if (chainId !== null) await goTo(client, chainId)
      return send({ chain: null, to: to as Hex, value, data: data as Hex }, onSigned)
    },
    sendSigned: async ({ transactionHash, signedTransaction }) => {
      const known = await client.getTransaction({ hash: transactionHash as Hex }).catch(() => null)
      if (known === null) await client.sendRawTransaction({ serializedTransaction: signedTransaction as Hex })
    },
    waitForTransaction: async (hash) => {
      const { transactionHash, status } = await client.waitForTransactionReceipt({ hash: hash as Hex })
      return { transactionHash, hasSucceeded: status === 'success' }
    },
    getChainId: () => client.getChainId(),
    signMessage: (message) => client.signMessage({ message }),
    signTypedData: (typedData) => client.signTypedData(typedData),
    batch: {
      isPossible: (chainId) => canBatch(client, chainId),
      sendCalls: async (request) => {
        const [{ chainId }] = request.params
        await goTo(client, Number(chainId))
        return readCallsId(await client.request(request))
      },
      waitForCalls: (callsId) => waitForCalls(client, callsId),
    },
  }
}

/**
 * Sends transactions with gas to spare. A local key signs first, tells `onSigned`, and sends then.
 * @returns the hash
 */
export function viemSender(client: ViemClient, { keccak256 }: ViemWalletOptions = {}) {
  return async (transaction: ViemTransaction, onSigned?: OnSigned): Promise<Hex> => {
    const { chain, ...call } = transaction
    const request = { ...transaction, gas: withMargin(await client.estimateGas(call), transaction.data) }
    if (client.account.type !== 'local' || !keccak256 || !onSigned) return client.sendTransaction(request)
    const signed = await client.signTransaction({ chain, ...(await client.prepareTransactionRequest(request)) })
    await onSigned({ transactionHash: keccak256(signed), signedTransaction: signed })
    return client.sendRawTransaction({ serializedTransaction: signed })
  }
}

/** What the same call may need more in its block than a moment before, such as a slot that a pool writes once a second. */
const LEAST_MARGIN_GAS = 60_000n

function withMargin(estimateGas: bigint, data: Hex): bigint {
  if (data === '0x') return estimateGas
  const quarter = estimateGas / 4n
  return estimateGas + (quarter > LEAST_MARGIN_GAS ? quarter : LEAST_MARGIN_GAS)
}

/** On another chain the same transaction would be another payment. */
async function goTo(client: ViemClient, chainId: number): Promise<void> {
  if ((await client.getChainId()) === chainId) return
  await client.switchChain({ id: chainId })
  const now = await client.getChainId()
  if (now === chainId) return
  throw new SixpenceError('not_payable', `The wallet is on chain ${now} and must be on ${chainId}.`)
}

/** Wallets that do not know the question cannot do it. */
async function canBatch(client: ViemClient, chainId: number): Promise<boolean> {
  const { atomic } = await client
    .getCapabilities({ chainId })
    .catch((): { atomic?: { status: string } | undefined } => ({}))
  return atomic?.status === 'supported' || atomic?.status === 'ready'
}

/** An object since version 2 of EIP-5792, a plain string before. */
function readCallsId(answer: unknown): string {
  const id = typeof answer === 'object' && answer !== null && 'id' in answer ? answer.id : answer
  if (typeof id === 'string' && id !== '') return id
  throw new UnresolvedError([], 'look in the wallet before you pay again', 'the wallet gave no id for it')
}

/** EIP-5792: some of the calls were carried out, and some were not. */
const PARTLY_FAILED = 600

async function waitForCalls(client: ViemClient, id: string): Promise<FinishedCalls> {
  const { status, statusCode, receipts } = await client.waitForCallsStatus({ id, timeout: CALLS_PATIENCE_MS })
  if (statusCode !== undefined && statusCode >= PARTLY_FAILED) {
    throw new SixpenceError('unresolved', `The wallet says that only some of its calls ${id} were carried out.`)
  }
  return { transactionHash: receipts?.at(-1)?.transactionHash ?? null, hasSucceeded: status === 'success' }
}
