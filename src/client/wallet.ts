import type { SessionPaymentsView, VoucherView } from '../protocol/schemas.ts'

/** What a wallet is asked to send. `value` is in wei. */
export type WalletTransaction = { chainId: number | null; to: string; value: bigint; data: string }

/** A transaction that is in a block. */
export type MinedTransaction = { transactionHash: string; hasSucceeded: boolean }

/** What became of calls that a wallet made together. Some wallets do not tell in which transaction: null. */
export type FinishedCalls = { transactionHash: string | null; hasSucceeded: boolean }

/** A transaction that is signed. However often it is sent, it is carried out once. */
export type SignedTransaction = { transactionHash: string; signedTransaction: string }

/** Heard of by whoever keeps it, before the transaction goes out; what it throws keeps it from going out. */
export type OnSigned = (signed: SignedTransaction) => void | Promise<void>

/** What `wallet_sendCalls` takes, as the server writes it. */
export type WalletCalls = SessionPaymentsView['batches'][number]['request']

type Payment = NonNullable<VoucherView['payments']>[number]

/** What the payer can sign in the place of a payment, so that somebody else pays the gas. */
export type Alternative = NonNullable<Payment['alternatives']>[number]

/** The payer's wallet, as far as paying needs it. `viemWallet` makes one of a viem client. */
export type PayerWallet = {
  address: string

  /**
   * @param onSigned awaited by wallets that sign by themselves; others cannot tell the hash before it is sent
   * @returns the hash, as soon as the transaction is on its way
   */
  sendTransaction: (transaction: WalletTransaction, onSigned?: OnSigned) => Promise<string>

  /** Sends what was signed, unless the chain has it. Wallets that call `onSigned` have this. */
  sendSigned?: (signed: SignedTransaction) => Promise<void>

  /** Waits for the block; what took the place of the transaction (speed-up) counts as it. */
  waitForTransaction: (transactionHash: string) => Promise<MinedTransaction>

  /** Which chain it is on: where it is a contract, the one on which it can sign in. */
  getChainId?: () => Promise<number>

  /** Signs a text (EIP-191). */
  signMessage: (message: string) => Promise<string>

  /** Signs what `eth_signTypedData_v4` takes. */
  signTypedData?: (typedData: Alternative['typedData']) => Promise<string>

  /** What wallets have that can do several calls in one transaction (EIP-5792). */
  batch?: {
    isPossible: (chainId: number) => Promise<boolean>
    /** @returns the id of the calls; where `onSigned` was called, the hash that it was told */
    sendCalls: (request: WalletCalls, onSigned?: OnSigned) => Promise<string>
    waitForCalls: (callsId: string) => Promise<FinishedCalls>
  }
}
