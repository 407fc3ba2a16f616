import type { VoucherView } from '../protocol/schemas.ts'

type Hex = `0x${string}`

/** A transaction as wallets and nodes take it. `value`, in wei, is left out where it is nothing. */
export type PaymentTransaction<Value = Hex> = { from: Hex; to: Hex; data: Hex; value?: Value }

type Payment = Pick<NonNullable<VoucherView['payments']>[number], 'input'>

/**
 * A payment as the transaction that pays it: what ethers, web3, viem, wagmi and `eth_sendTransaction` take as it is. It
 * says nothing of the chain: have the wallet on `payment.chainId` first.
 * @param payment one of a voucher's `payments`
 * @param from the payer's address, in the place of `{payer}`
 * @param toValue makes of a hexadecimal number what the library's types ask for: `BigInt` for viem and wagmi in TypeScript
 * @example
 * const { payments: [payment] } = await payer.getVoucher(voucherId)
 * await provider.request({ method: 'eth_sendTransaction', params: [transactionOf(payment, address)] })
 * await signer.sendTransaction(transactionOf(payment, address))                    // ethers
 * await web3.eth.sendTransaction(transactionOf(payment, address))                  // web3
 * await walletClient.sendTransaction(transactionOf(payment, address, BigInt))      // viem, and wagmi alike
 */
export function transactionOf(payment: Payment, from: string): PaymentTransaction
export function transactionOf<Value>(
  payment: Payment,
  from: string,
  toValue: (hex: Hex) => Value,
): PaymentTransaction<Value>
export function transactionOf(
  { input }: Payment,
  from: string,
  toValue: (hex: Hex) => unknown = (hex) => hex,
): PaymentTransaction<unknown> {
  const wei = BigInt(input.value)
  const call = { from: from as Hex, to: input.to as Hex, data: input.data as Hex }
  return wei === 0n ? call : { ...call, value: toValue(`0x${wei.toString(16)}`) }
}
