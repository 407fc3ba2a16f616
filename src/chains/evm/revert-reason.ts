import { type DecodeErrorResultReturnType, decodeErrorResult, parseAbi } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import { quoted } from '../../protocol/plain-text.ts'
import type { CallFacts } from '../chain.ts'

/** What a contract said as it reverted. `says` is its text, where it gave one. */
export type RevertReason = { words: string; says: string | null }

const MAX_DATA_LENGTH = 8_192

/**
 * Why a call reverted, or would, as far as what the contract says can be read: the same words for what is simulated and
 * for what was mined. Never throws.
 * @param contract what was called
 * @returns null where the contract says nothing
 */
export function revertReason(data: Hex, contract: Hex, { tokenAt }: Pick<CallFacts, 'tokenAt'>): RevertReason | null {
  if (data === '0x') return null
  if (data.length > MAX_DATA_LENGTH) return spoken('the contract refuses with more words than the server reads')
  try {
    const error = decodeErrorResult({ abi: ERRORS, data })
    if (error.errorName !== 'Error') return spoken(wordsOf(error, tokenAt(contract)))
    const [says] = error.args
    return { words: MEANINGS.get(says) ?? `the contract says ${quoted(says)}`, says }
  } catch {
    return spoken(`the contract refuses with an error that the server does not know (${data.slice(0, 10)})`)
  }
}

const spoken = (words: string): RevertReason => ({ words, says: null })

export const PRICE_MOVED = 'the price has moved beyond the slippage bound'

export const NOT_TAKEN = 'the token cannot be taken: the wallet has too little of it, or has not approved enough'

/** What exchanges say where they could not take what a swap costs. */
export const SAYS_NOT_TAKEN: ReadonlySet<string> = new Set([
  'STF',
  'TransferHelper: TRANSFER_FROM_FAILED',
  'TransferHelper::transferFrom: transferFrom failed',
])

const TIME_IS_OVER = 'the quote has expired: the time in which the swap could be made is over'
const NOT_GIVEN_OUT = 'the token cannot be paid out: it refuses the transfer from the exchange to its recipient'
const COINS_NOT_GIVEN_OUT = 'the coins cannot be paid out: their recipient does not take them'
const TOO_LITTLE_PAID_IN =
  'the exchange got less than the swap costs: the token keeps a part of what is transferred, or moves nothing'
const TOO_LITTLE_COMES_OUT = 'less comes out of the swap than was asked'

/** What the short words of exchanges mean (Uniswap v3 and v2, and those made after them). */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ...[...SAYS_NOT_TAKEN].map((says) => [says, NOT_TAKEN] as const),
  ...['Too much requested', 'Too little received', 'SPL'].map((says) => [says, PRICE_MOVED] as const),
  ['UniswapV2Router: EXCESSIVE_INPUT_AMOUNT', PRICE_MOVED],
  ['UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT', PRICE_MOVED],
  ['Transaction too old', TIME_IS_OVER],
  ['UniswapV2Router: EXPIRED', TIME_IS_OVER],
  ['TF', NOT_GIVEN_OUT],
  ['ST', NOT_GIVEN_OUT],
  ['UniswapV2: TRANSFER_FAILED', NOT_GIVEN_OUT],
  ['TransferHelper: TRANSFER_FAILED', NOT_GIVEN_OUT],
  ['STE', COINS_NOT_GIVEN_OUT],
  ['TransferHelper: ETH_TRANSFER_FAILED', COINS_NOT_GIVEN_OUT],
  ['IIA', TOO_LITTLE_PAID_IN],
  ['UniswapV2: K', TOO_LITTLE_PAID_IN],
  ['UniswapV2: INSUFFICIENT_INPUT_AMOUNT', TOO_LITTLE_PAID_IN],
  ['Insufficient WETH9', TOO_LITTLE_COMES_OUT],
  ['Insufficient token', TOO_LITTLE_COMES_OUT],
  ['AS', 'the swap is of no amount at all'],
  ['LOK', 'the pool is not open yet, or is in the middle of another swap'],
  ['UniswapV2: LOCKED', 'the pool is in the middle of another swap'],
  ['UniswapV2: INSUFFICIENT_LIQUIDITY', 'the pool does not hold that much'],
  ['SA', 'the token refuses the approval'],
])

const ERRORS = parseAbi([
  'error Error(string message)',
  'error Panic(uint256 code)',
  'error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)',
  'error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)',
  'error ERC20InvalidSender(address sender)',
  'error ERC20InvalidReceiver(address receiver)',
  'error ERC20InvalidApprover(address approver)',
  'error ERC20InvalidSpender(address spender)',
  'error ERC721NonexistentToken(uint256 tokenId)',
  'error ERC721IncorrectOwner(address sender, uint256 tokenId, address owner)',
  'error ERC721InsufficientApproval(address operator, uint256 tokenId)',
  'error ERC721InvalidReceiver(address receiver)',
  'error ERC2612ExpiredSignature(uint256 deadline)',
  'error ERC2612InvalidSigner(address signer, address owner)',
  'error InvalidAccountNonce(address account, uint256 currentNonce)',
  'error SafeERC20FailedOperation(address token)',
  'error OwnableUnauthorizedAccount(address account)',
  'error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)',
  'error ReentrancyGuardReentrantCall()',
  'error FailedCall()',
  'error FailedInnerCall()',
  'error AddressEmptyCode(address target)',
  'error InsufficientBalance(uint256 balance, uint256 needed)',
  'error EnforcedPause()',
])

const PLAIN_ERRORS = {
  ERC20InvalidSender: 'the token does not come from that address',
  ERC20InvalidReceiver: 'the token does not go to that address',
  ERC20InvalidApprover: 'that address approves nobody',
  ERC20InvalidSpender: 'that address cannot be approved',
  ERC721InvalidReceiver: 'the receiver does not take NFTs',
  ERC2612ExpiredSignature: 'the permit has expired',
  ERC2612InvalidSigner: 'the permit was signed by somebody else',
  InvalidAccountNonce: 'what was signed has been used already, or was signed for later',
  SafeERC20FailedOperation: 'the token refuses',
  ReentrancyGuardReentrantCall: 'the contract is called while it is busy',
  FailedCall: 'a call that the contract makes in turn fails',
  FailedInnerCall: 'a call that the contract makes in turn fails',
  AddressEmptyCode: 'the contract calls an address that has no contract',
  InsufficientBalance: 'the contract has too little of the native coin',
  EnforcedPause: 'the contract is paused',
}

type ContractError = Exclude<DecodeErrorResultReturnType<typeof ERRORS>, { errorName: 'Error' }>

function wordsOf(error: ContractError, token: ReturnType<CallFacts['tokenAt']>): string {
  const words = (units: bigint) => (token ? `${formatAmount(units, token.decimals)} ${token.symbol}` : `${units} units`)
  switch (error.errorName) {
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
    case 'OwnableUnauthorizedAccount':
    case 'AccessControlUnauthorizedAccount':
      return `${error.args[0]} may not do that`
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
