import type { PayerWallet, VoucherView } from '../../client/index.ts'

/** The payments that the payer has read. */
export type Shown = readonly Pick<NonNullable<VoucherView['payments']>[number], 'id' | 'chainId' | 'input'>[]

type Payment = NonNullable<VoucherView['payments']>[number]
type TypedData = NonNullable<Payment['alternatives']>[number]['typedData']

type Call = { to: string; value: string | bigint; data: string }

/**
 * A wallet that sends what was shown, to the byte, each once, and nothing else: whatever the server says after that. Two equal
 * payments on the screen are no leave for a third.
 */
export function onlyShown(wallet: PayerWallet, shown: Shown): PayerWallet {
  let left = shown
  const takeShown = (chainId: number | null, call: Call) => {
    const place = left.findIndex((payment) => payment.chainId === chainId && isSameCall(payment.input, call))
    if (place === -1) throw new Error('What is to be paid has changed. Nothing was signed: read it again.')
    left = left.filter((_, at) => at !== place)
  }
  /** Calls that a wallet cannot make together are then made one by one. */
  const unlessFailed = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = left
    try {
      return await work()
    } catch (error) {
      left = before
      throw error
    }
  }
  const { batch } = wallet
  return {
    ...wallet,
    sendTransaction: async (transaction, onSigned) => {
      takeShown(transaction.chainId, transaction)
      return wallet.sendTransaction(transaction, onSigned)
    },
    ...(batch && {
      batch: {
        ...batch,
        sendCalls: (request, onSigned) =>
          unlessFailed(async () => {
            const [{ chainId, calls }] = request.params
            for (const call of calls) takeShown(Number(chainId), call)
            return batch.sendCalls(request, onSigned)
          }),
      },
    }),
  }
}

function isSameCall(one: Call, other: Call): boolean {
  return isSameText(one.to, other.to) && isSameText(one.data, other.data) && BigInt(one.value) === BigInt(other.value)
}

/** What a signature may move in the place of a payment. */
export type Transfer = { chainId: number | null; token: string; from: string; to: string; units: bigint }

/**
 * Whether typed data is an EIP-3009 transfer of exactly that. Of permits the page cannot tell: their spender stands for
 * code that it would have to make.
 */
export function isTransferOf({ domain, primaryType, message }: TypedData, transfer: Transfer): boolean {
  const { chainId, token, from, to, units } = transfer
  return (
    primaryType === 'TransferWithAuthorization' &&
    Number(domain.chainId) === chainId &&
    isSameText(domain.verifyingContract, token) &&
    isSameText(message.from, from) &&
    isSameText(message.to, to) &&
    message.value === units.toString()
  )
}

/** A wallet that signs no typed data but this transfer. */
export function onlyTransfer(wallet: PayerWallet, transfer: Transfer): PayerWallet {
  return {
    ...wallet,
    signTypedData: async (typedData) => {
      if (!wallet.signTypedData || !isTransferOf(typedData, transfer)) {
        throw new Error('What is to be signed is not what was asked. Nothing was signed.')
      }
      return wallet.signTypedData(typedData)
    },
  }
}

function isSameText(one: unknown, other: string): boolean {
  return typeof one === 'string' && one.toLowerCase() === other.toLowerCase()
}
