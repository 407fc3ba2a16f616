import { getAddress, isAddress } from 'viem'
import type { ChainRules } from '../chain.ts'
import { actsItself, operatorsOf } from './acts.ts'
import { asksServed } from './asks-served.ts'
import { buildInput } from './build-input.ts'
import { buildApproval, buildSwap } from './build-swap.ts'
import { explainOutcome } from './explain-outcome.ts'
import { names } from './names.ts'
import { plausible } from './plausible.ts'
import { prove } from './prove.ts'
import { readSigned } from './read-signed.ts'
import { reviewCall } from './review-call.ts'

/** How payments are written, read and proven on chains with an EVM. */
export const evmRules: ChainRules = {
  buildInput,
  reviewCall,
  buildSwap,
  buildApproval,
  explainOutcome,
  prove,
  actsItself,
  asksServed,
  operatorsOf,
  names,
  plausible,
  readSigned,
  readAddress: (text) => (isAddress(text) ? getAddress(text) : null),
}
