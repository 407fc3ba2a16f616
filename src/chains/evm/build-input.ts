import { encodeFunctionData, erc20Abi } from 'viem'
import type { Expectation, Instruction } from '../../domain/payment.ts'

/** The transaction with which a plain wallet carries out an expectation. */
export function buildInput(expectation: Expectation): Instruction['input'] {
  switch (expectation.kind) {
    case 'token': {
      const { token, recipient, units } = expectation
      const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [recipient, units] })
      return { from: '{payer}', to: token, value: '0', data }
    }
    case 'native':
      return { from: '{payer}', to: expectation.recipient, value: expectation.wei.toString(), data: '0x' }
    case 'call':
      return { from: '{payer}', to: expectation.to, value: expectation.wei.toString(), data: expectation.data }
  }
}
