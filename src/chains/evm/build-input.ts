import { encodeFunctionData, erc20Abi, prepareEncodeFunctionData } from 'viem'
import type { AskedExpectation, Instruction } from '../../domain/payment.ts'

/** Prepared, because finding the selector costs ten times what the encoding does. */
const TRANSFER = prepareEncodeFunctionData({ abi: erc20Abi, functionName: 'transfer' })

/** The transaction with which a plain wallet carries out an expectation. */
export function buildInput(expectation: AskedExpectation): Instruction['input'] {
  switch (expectation.kind) {
    case 'token': {
      const { token, recipient, units } = expectation
      const data = encodeFunctionData({ ...TRANSFER, args: [recipient, units] })
      return { from: '{payer}', to: token, value: '0', data }
    }
    case 'native':
      return { from: '{payer}', to: expectation.recipient, value: expectation.wei.toString(), data: '0x' }
    case 'call':
      return { from: '{payer}', to: expectation.to, value: expectation.wei.toString(), data: expectation.data }
  }
}
