import { type DecodeErrorResultReturnType, decodeErrorResult, parseAbi } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Simulation } from '../../domain/review.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import type { CallFacts, Outcome, RawCall } from '../chain.ts'
import { quoted } from './contract-words.ts'
import { knownFunction } from './known-functions.ts'

/** How a transaction would end, in plain words. */
export function explainOutcome(call: RawCall, outcome: Outcome, facts: CallFacts): Simulation {
  switch (outcome.ending) {
    case 'succeeds':
      return explainSuccess(call, outcome, facts)
    case 'reverts':
      return { status: 'REVERTS', reason: revertReason(outcome.data, call.to, facts) }
    case 'unaffordable': {
      const { symbol, decimals } = facts.nativeCurrency
      const [needed, held] = [outcome.neededWei, outcome.balanceWei].map((wei) => formatAmount(wei, decimals))
      return { status: 'REVERTS', reason: `the wallet has ${held} ${symbol}, and ${needed} is needed, gas aside` }
    }
    case 'unknown':
      return {
        status: 'UNKNOWN',
        reason: 'it depends on the payments before it, and the node cannot play them together',
      }
  }
}

const FALSE = `0x${'00'.repeat(32)}`

/** Functions that say by their answer whether they did it. */
const ANSWERS = new Set(['transfer', 'transferFrom', 'approve'])

function explainSuccess(
  { to, wei, data }: RawCall,
  outcome: Outcome & { ending: 'succeeds' },
  facts: CallFacts,
): Simulation {
  if (!outcome.hasCode) {
    const butSends = wei === 0n ? '' : ' but leave there what it sends'
    return {
      status: 'NO_EFFECT',
      reason: `there is no contract at ${to}: the call would succeed and do nothing${butSends}`,
    }
  }
  if (outcome.returned !== FALSE) return { status: 'OK' }
  const known = knownFunction(to, `0x${data.slice(2, 10).toLowerCase()}`, facts.tokenAt(to) !== undefined)
  const isAnswer = known?.standard.startsWith('ERC-20') && ANSWERS.has(known.item.name)
  if (!isAnswer) return { status: 'OK' }
  return { status: 'NO_EFFECT', reason: `the token ${to} says no: the call would succeed, return false and do nothing` }
}

const ERRORS = parseAbi([
  'error Error(string message)',
  'error Panic(uint256 code)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'error ERC721NonexistentToken(uint256 tokenId)',
  'error ERC721IncorrectOwner(address sender, uint256 tokenId, address owner)',
  'error ERC721InsufficientApproval(address operator, uint256 tokenId)',
  'error ERC20InvalidReceiver(address receiver)',
  'error ERC721InvalidReceiver(address receiver)',
  'error ERC2612ExpiredSignature(uint256 deadline)',
  'error ERC2612InvalidSigner(address signer, address owner)',
  'error SafeERC20FailedOperation(address token)',
  'error EnforcedPause()',
])

const PLAIN_ERRORS = {
  ERC20InvalidReceiver: 'the token does not go to that address',
  ERC721InvalidReceiver: 'the receiver does not take NFTs',
  ERC2612ExpiredSignature: 'the permit has expired',
  ERC2612InvalidSigner: 'the permit was signed by somebody else',
  SafeERC20FailedOperation: 'the token refuses',
  EnforcedPause: 'the contract is paused',
}

const NOT_TAKEN = 'the token cannot be taken: the wallet has too little of it, or has not approved enough'

/** What exchanges mean by their short words. */
const SHORT_WORDS = new Map([
  ['STF', NOT_TAKEN],
  ['TransferHelper: TRANSFER_FROM_FAILED', NOT_TAKEN],
  ['Too much requested', 'the price has risen beyond the bound of the swap'],
  ['Too little received', 'the price has fallen beyond the bound of the swap'],
  ['Transaction too old', 'the time in which the swap was to be made is over'],
  ['SPL', 'the price has moved beyond the bound of the swap'],
])

const MAX_DATA_LENGTH = 8_192

/** Why a call reverts, as far as what it says can be read. */
function revertReason(data: Hex, contract: Hex, facts: CallFacts): string {
  if (data === '0x') return 'it would fail, and the contract gives no reason'
  if (data.length > MAX_DATA_LENGTH) return 'the contract refuses with more words than the server reads'
  try {
    return wordsOf(decodeErrorResult({ abi: ERRORS, data }), contract, facts)
  } catch {
    return `the contract refuses with an error that the server does not know (${data.slice(0, 10)})`
  }
}

type ContractError = DecodeErrorResultReturnType<typeof ERRORS>

function wordsOf(error: ContractError, contract: Hex, facts: CallFacts): string {
  const token = facts.tokenAt(contract)
  const words = (units: bigint) => (token ? `${formatAmount(units, token.decimals)} ${token.symbol}` : `${units} units`)
  switch (error.errorName) {
    case 'Error':
      return SHORT_WORDS.get(error.args[0]) ?? `the contract says ${quoted(error.args[0])}`
    case 'Panic':
      return `the contract fails a check of its own (${PANICS.get(error.args[0]) ?? `panic ${error.args[0]}`})`
    case 'ERC20InsufficientBalance': {
      const [holder, balance, needed] = error.args
      return `${holder} has ${words(balance)}, and ${words(needed)} is needed`
    }
    case 'ERC20InsufficientAllowance': {
      const [spender, allowance, needed] = error.args
      return `${spender} may take ${words(allowance)}, and ${words(needed)} is needed`
    }
    case 'ERC721NonexistentToken':
      return `there is no NFT ${error.args[0]}`
    case 'ERC721IncorrectOwner':
      return `NFT ${error.args[1]} belongs to ${error.args[2]}, not to ${error.args[0]}`
    case 'ERC721InsufficientApproval':
      return `${error.args[0]} may not move NFT ${error.args[1]}`
    default:
      return PLAIN_ERRORS[error.errorName]
  }
}

const PANICS = new Map([
  [0x01n, 'an assertion'],
  [0x11n, 'a number became too large or fell below zero'],
  [0x12n, 'a division by zero'],
  [0x32n, 'a place that a list does not have'],
])
