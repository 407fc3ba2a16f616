import { type AbiFunction, parseAbi, toFunctionSelector } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import { sameHex } from './hex.ts'

/** A function that the server can tell about, and whose it is. */
export type KnownFunction = { standard: string; item: AbiFunction }

const ERC20 = parseAbi([
  'function transfer(address to, uint256 value)',
  'function transferFrom(address from, address to, uint256 value)',
  'function approve(address spender, uint256 value)',
  'function increaseAllowance(address spender, uint256 value)',
  'function decreaseAllowance(address spender, uint256 value)',
])

const ERC2612 = parseAbi([
  'function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)',
])

const ERC3009 = parseAbi([
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function transferWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
  'function receiveWithAuthorization(address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature)',
  'function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s)',
])

/** These two are called alike in both standards, and mean different things. */
const ERC20_OR_ERC721 = parseAbi([
  'function transferFrom(address from, address to, uint256 valueOrTokenId)',
  'function approve(address spender, uint256 valueOrTokenId)',
])

const ERC721 = parseAbi([
  'function safeTransferFrom(address from, address to, uint256 tokenId)',
  'function safeTransferFrom(address from, address to, uint256 tokenId, bytes data)',
])

const ERC721_OR_ERC1155 = parseAbi(['function setApprovalForAll(address operator, bool approved)'])

const WETH9 = parseAbi(['function deposit() payable', 'function withdraw(uint256 value)'])

const UNISWAP_V2 = parseAbi([
  'function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline)',
  'function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] path, address to, uint256 deadline)',
  'function swapExactETHForTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) payable',
  'function swapTokensForExactETH(uint256 amountOut, uint256 amountInMax, address[] path, address to, uint256 deadline)',
  'function swapExactTokensForETH(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline)',
  'function swapETHForExactTokens(uint256 amountOut, address[] path, address to, uint256 deadline) payable',
  'function swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline)',
  'function swapExactETHForTokensSupportingFeeOnTransferTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) payable',
  'function swapExactTokensForETHSupportingFeeOnTransferTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline)',
  'function addLiquidity(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline)',
  'function addLiquidityETH(address token, uint256 amountTokenDesired, uint256 amountTokenMin, uint256 amountETHMin, address to, uint256 deadline) payable',
  'function removeLiquidity(address tokenA, address tokenB, uint256 liquidity, uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline)',
  'function removeLiquidityETH(address token, uint256 liquidity, uint256 amountTokenMin, uint256 amountETHMin, address to, uint256 deadline)',
])

const UNISWAP_V3 = parseAbi([
  'struct ExactInputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; uint160 sqrtPriceLimitX96; }',
  'struct ExactInput { bytes path; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; }',
  'struct ExactOutputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }',
  'struct ExactOutput { bytes path; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactInputSingle(ExactInputSingle params) payable',
  'function exactInput(ExactInput params) payable',
  'function exactOutputSingle(ExactOutputSingle params) payable',
  'function exactOutput(ExactOutput params) payable',
])

/** The same in both routers of Uniswap v3. */
const UNISWAP_V3_PERIPHERY = parseAbi([
  'function multicall(bytes[] data) payable',
  'function unwrapWETH9(uint256 amountMinimum, address recipient) payable',
  'function unwrapWETH9WithFee(uint256 amountMinimum, address recipient, uint256 feeBips, address feeRecipient) payable',
  'function sweepToken(address token, uint256 amountMinimum, address recipient) payable',
  'function sweepTokenWithFee(address token, uint256 amountMinimum, address recipient, uint256 feeBips, address feeRecipient) payable',
  'function refundETH() payable',
  'function selfPermit(address token, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) payable',
  'function selfPermitIfNecessary(address token, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) payable',
])

const SWAP_ROUTER_02 = parseAbi([
  'struct ExactInputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountIn; uint256 amountOutMinimum; uint160 sqrtPriceLimitX96; }',
  'struct ExactInput { bytes path; address recipient; uint256 amountIn; uint256 amountOutMinimum; }',
  'struct ExactOutputSingle { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 amountOut; uint256 amountInMaximum; uint160 sqrtPriceLimitX96; }',
  'struct ExactOutput { bytes path; address recipient; uint256 amountOut; uint256 amountInMaximum; }',
  'function exactInputSingle(ExactInputSingle params) payable',
  'function exactInput(ExactInput params) payable',
  'function exactOutputSingle(ExactOutputSingle params) payable',
  'function exactOutput(ExactOutput params) payable',
  'function multicall(uint256 deadline, bytes[] data) payable',
  'function multicall(bytes32 previousBlockhash, bytes[] data) payable',
  'function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to) payable',
  'function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] path, address to) payable',
  'function unwrapWETH9(uint256 amountMinimum) payable',
  'function sweepToken(address token, uint256 amountMinimum) payable',
  'function wrapETH(uint256 value) payable',
])

const ERC7821 = parseAbi(['function execute(bytes32 mode, bytes executionData) payable'])

const PERMIT2 = parseAbi([
  'function approve(address token, address spender, uint160 amount, uint48 expiration)',
  'function transferFrom(address from, address to, uint160 amount, address token)',
])

/** The same on every chain. */
const PERMIT2_ADDRESS = '0x000000000022D473030F116dDEE9F6B43aC78BA3'

const TOKEN_FUNCTIONS = bySelector({ 'ERC-20': ERC20, 'ERC-2612': ERC2612, 'ERC-3009': ERC3009, WETH9 })

const PERMIT2_FUNCTIONS = bySelector({ Permit2: PERMIT2 })

/** Of two that are called alike the later one counts. */
const FUNCTIONS = bySelector({
  ...{ 'ERC-20': ERC20, 'ERC-2612': ERC2612, 'ERC-3009': ERC3009, 'ERC-20 or ERC-721': ERC20_OR_ERC721 },
  ...{ 'ERC-721': ERC721, 'ERC-721 or ERC-1155': ERC721_OR_ERC1155, WETH9, 'Uniswap v2 Router02': UNISWAP_V2 },
  ...{ 'Uniswap v3 SwapRouter': UNISWAP_V3, 'Uniswap v3 SwapRouter02': SWAP_ROUTER_02 },
  ...{ 'Uniswap v3 router': UNISWAP_V3_PERIPHERY, 'ERC-7821': ERC7821 },
})

/**
 * The function that a selector calls at a contract; undefined where the server does not know.
 * @param isToken whether the contract is known to be an ERC-20 token
 */
export function knownFunction(contract: Hex, selector: Hex, isToken: boolean): KnownFunction | undefined {
  if (isToken) return TOKEN_FUNCTIONS.get(selector)
  return sameHex(contract, PERMIT2_ADDRESS) ? PERMIT2_FUNCTIONS.get(selector) : FUNCTIONS.get(selector)
}

/** Done once: finding a selector costs more than all the rest of reading a call. */
function bySelector(standards: Record<string, readonly AbiFunction[]>): Map<Hex, KnownFunction> {
  const functions = Object.entries(standards).flatMap(([standard, abi]) => abi.map((item) => ({ standard, item })))
  return new Map(functions.map((known) => [toFunctionSelector(known.item), known]))
}
