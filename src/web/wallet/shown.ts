import type { PayerWallet, VoucherView } from '../../client/index.ts'

/** The payments that the payer has read. */
export type Shown = readonly Pick<NonNullable<VoucherView['payments']>[number], 'chainId' | 'input'>[]

type Call = { to: string; value: string | bigint; data: string }

/** A wallet that sends what was shown, to the byte, and nothing else: whatever the server says after that. */
export function onlyShown(wallet: PayerWallet, shown: Shown): PayerWallet {
  const assertShown = (chainId: number | null, call: Call) => {
    if (!shown.some((payment) => payment.chainId === chainId && isSameCall(payment.input, call))) {
      throw new Error('What is to be paid has changed. Nothing was signed: read it again.')
    }
  }
  const { batch } = wallet
  return {
    ...wallet,
    sendTransaction: async (transaction) => {
      assertShown(transaction.chainId, transaction)
      return wallet.sendTransaction(transaction)
    },
    ...(batch && {
      batch: {
        ...batch,
        sendCalls: async (request) => {
          const [{ chainId, calls }] = request.params
          for (const call of calls) assertShown(Number(chainId), call)
          return batch.sendCalls(request)
        },
      },
    }),
  }
}

function isSameCall(one: Call, other: Call): boolean {
  return (
    one.to.toLowerCase() === other.to.toLowerCase() &&
    one.data.toLowerCase() === other.data.toLowerCase() &&
    BigInt(one.value) === BigInt(other.value)
  )
}
