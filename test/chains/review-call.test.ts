import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type Abi,
  type AbiParameter,
  bytesToHex,
  concat,
  encodeAbiParameters,
  encodeErrorResult,
  encodeFunctionData,
  encodePacked,
  erc20Abi,
  erc721Abi,
  getAddress,
  hexToBytes,
  maxUint256,
  numberToHex,
  parseAbi,
  parseAbiParameters,
  toFunctionSelector,
} from 'viem'
import type { CallFacts } from '../../src/chains/chain.ts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { CallArgument, CallReview } from '../../src/domain/review.ts'

const PAYER: Hex = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const SHOP: Hex = getAddress('0x00000000000000000000000000000000005409e5')
const USDC: Hex = getAddress('0x2791bca1f2de4661ed88a30c99a7a9449aa84174')
const EURC: Hex = getAddress('0x73b3db5a96a4b9d9bcfc22b8f1b3d85a5e5b5e5b')
const OTHER: Hex = getAddress('0x00000000000000000000000000000000000c0de0')
const PERMIT2: Hex = '0x000000000022D473030F116dDEE9F6B43aC78BA3'

const SYMBOLS = new Map([
  [USDC, 'USDC'],
  [EURC, 'EURC'],
])

const FACTS: CallFacts = {
  network: 'polygon',
  nativeCurrency: { symbol: 'POL', decimals: 18 },
  payers: [PAYER],
  tokenAt: (address) => {
    const symbol = SYMBOLS.get(getAddress(address))
    return symbol === undefined ? undefined : { symbol, decimals: 6 }
  },
}

const review = (to: Hex, data: Hex, wei = 0n) => evmRules.reviewCall({ to, wei, data }, FACTS)

const encode = (abi: Abi, functionName: string, args: unknown[]) => encodeFunctionData({ abi, functionName, args })

/** What a call is known as, such as "ERC-20 transfer", with the calls within it; null where it is unknown. */
function nameOf(call: CallReview | undefined): unknown {
  if (!call?.known) return null
  const name = `${call.standard} ${call.function}`
  return call.calls ? [name, ...call.calls.map(nameOf)] : name
}

const money = (amount: string) => ({ currency: 'USDC', currencyAddress: USDC, amount })

describe('a call of a token that the server lists', () => {
  it('tells a transfer in whole units', () => {
    const { summary, review: told } = review(USDC, encode(erc20Abi, 'transfer', [SHOP, 1_500_000n]))
    assert.equal(summary, `Send 1.5 USDC to ${SHOP} on polygon.`)
    assert.deepEqual(told, {
      ...{ leaves: [money('1.5')], arrives: [{ ...money('1.5'), wallet: { address: SHOP } }], allows: [], fees: [] },
      ...{ gas: { currency: 'POL', amount: null }, complete: true },
      worstCase: "1.5 USDC leaves this wallet; nothing else can be taken but the network's gas.",
      call: {
        ...{ known: true, contract: USDC, standard: 'ERC-20', function: 'transfer' },
        args: [
          { name: 'to', type: 'address', value: SHOP },
          { name: 'value', type: 'uint256', value: '1500000', amount: '1.5 USDC' },
        ],
      },
    })
  })

  it('tells whose money a transferFrom moves', () => {
    const own = review(USDC, encode(erc20Abi, 'transferFrom', [PAYER, SHOP, 1_000_000n]))
    assert.equal(own.summary, `Move 1 USDC from ${PAYER} to ${SHOP} on polygon.`)
    assert.deepEqual(own.review.leaves, [money('1')])
    const foreign = review(USDC, encode(erc20Abi, 'transferFrom', [OTHER, SHOP, 1_000_000n]))
    assert.deepEqual(foreign.review.leaves, [])
    assert.equal(foreign.review.worstCase, "Nothing else can be taken but the network's gas.")
  })

  it('tells an approval, with and without a limit, and its end', () => {
    const limited = review(USDC, encode(erc20Abi, 'approve', [OTHER, 100_000_000n]))
    assert.equal(limited.summary, `Approve ${OTHER} to take up to 100 USDC on polygon.`)
    assert.deepEqual(limited.review.allows, [{ ...money('100'), spender: OTHER }])
    assert.deepEqual(limited.review.leaves, [])
    assert.match(limited.review.worstCase, new RegExp(`^${OTHER} takes 100 USDC, at any time`))
    const unlimited = review(USDC, encode(erc20Abi, 'approve', [OTHER, maxUint256]))
    assert.match(unlimited.summary, /to take all USDC that this wallet holds, now and later, without limit on polygon/)
    assert.deepEqual(unlimited.review.allows, [{ ...money(''), amount: null, spender: OTHER }])
    assert.match(unlimited.review.worstCase, /takes all USDC that this wallet holds, now and later/)
    const ended = review(USDC, encode(erc20Abi, 'approve', [OTHER, 0n]))
    assert.equal(ended.summary, `Take back the approval of ${OTHER} to take USDC on polygon.`)
    assert.deepEqual(ended.review.allows, [])
  })

  it('tells what was signed elsewhere and is only handed in', () => {
    const abi = parseAbi([
      'function permit(address, address, uint256, uint256, uint8, bytes32, bytes32)',
      'function transferWithAuthorization(address, address, uint256, uint256, uint256, bytes32, bytes)',
    ])
    const word = `0x${'11'.repeat(32)}`
    const permit = (owner: Hex) => review(USDC, encode(abi, 'permit', [owner, SHOP, maxUint256, 1n, 27, word, word]))
    const own = permit(PAYER)
    assert.match(
      own.summary,
      new RegExp(`^Hand in a permit that ${PAYER} has signed, which lets ${SHOP} take all USDC`),
    )
    assert.deepEqual(own.review.allows, [{ ...money(''), amount: null, spender: SHOP }])
    assert.deepEqual(permit(OTHER).review.allows, [])
    const args = [PAYER, SHOP, 2_000_000n, 0n, 1n, word, '0x1234']
    const authorized = review(USDC, encode(abi, 'transferWithAuthorization', args))
    assert.match(authorized.summary, new RegExp(`^Move 2 USDC from ${PAYER} to ${SHOP}, by an authorization`))
    assert.deepEqual(authorized.review.leaves, [money('2')])
  })

  it('knows nothing of what an ERC-20 token does not have', () => {
    const data = encode(erc721Abi, 'setApprovalForAll', [OTHER, true])
    assert.equal(nameOf(review(USDC, data).review.call), null)
  })
})

describe('a call of a contract that the server does not list', () => {
  it('may mean either standard where both have the function', () => {
    const { summary, review: told } = review(OTHER, encode(erc20Abi, 'approve', [SHOP, 12n]))
    assert.equal(nameOf(told.call), 'ERC-20 or ERC-721 approve')
    assert.match(summary, /12 of the token 0x\w+ \(an amount in its smallest units, or the NFT of this number\)/)
    assert.equal(told.complete, false)
    const moved = review(OTHER, encode(erc20Abi, 'transferFrom', [PAYER, SHOP, 12n]))
    assert.equal(nameOf(moved.review.call), 'ERC-20 or ERC-721 transferFrom')
    assert.match(moved.review.worstCase, /leaves this wallet/)
    const unlimited = review(OTHER, encode(erc20Abi, 'approve', [SHOP, maxUint256]))
    assert.match(unlimited.summary, /without any limit/)
    assert.match(unlimited.review.worstCase, /without any limit/)
  })

  it('tells what happens to NFTs', () => {
    const { summary, review: told } = review(OTHER, encode(erc721Abi, 'safeTransferFrom', [PAYER, SHOP, 12n]))
    assert.equal(summary, `Transfer NFT 12 of ${OTHER} from ${PAYER} to ${SHOP} on polygon.`)
    assert.match(
      told.worstCase,
      new RegExp(`^NFT 12 of ${OTHER} leaves this wallet; the contract ${OTHER} is not known`),
    )
    const all = review(OTHER, encode(erc721Abi, 'setApprovalForAll', [SHOP, true]))
    assert.match(all.summary, new RegExp(`^Approve ${SHOP} to take every NFT of ${OTHER} that this wallet holds`))
    assert.match(all.review.worstCase, new RegExp(`^${SHOP} takes every NFT of ${OTHER}`))
    const ended = review(OTHER, encode(erc721Abi, 'setApprovalForAll', [SHOP, false]))
    assert.match(ended.summary, /^Take back /)
  })

  it('is plainly unknown where the function is', () => {
    const { summary, review: told } = review(OTHER, '0x1234567890', 2n * 10n ** 18n)
    assert.equal(summary, `Call an unknown function (selector 0x12345678) of contract ${OTHER} on polygon with 2 POL.`)
    assert.deepEqual(told.call, { known: false, contract: OTHER, selector: '0x12345678', value: '2' })
    assert.deepEqual(told.leaves, [{ currency: 'POL', currencyAddress: '', amount: '2' }])
    assert.equal(told.complete, false)
    assert.match(told.worstCase, /^The server does not know what this call does; it can move anything/)
    assert.deepEqual(review(OTHER, '0x12').review.call, { known: false, contract: OTHER, selector: '0x12' })
  })

  it('is a plain transfer of the coin where there is no data', () => {
    const { summary, review: told } = review(SHOP, '0x', 10n ** 17n)
    assert.equal(summary, `Send 0.1 POL to ${SHOP} on polygon.`)
    assert.deepEqual(told.arrives, [{ ...told.leaves[0], wallet: { address: SHOP } }])
    assert.equal(told.complete, true)
  })

  it('wraps the coin', () => {
    assert.match(
      review(OTHER, '0xd0e30db0', 10n ** 18n).summary,
      /^Deposit 1 POL in 0x\w+, as for wrapping it on polygon\.$/,
    )
  })

  it('is Permit2 at its own address only', () => {
    const abi = parseAbi(['function approve(address, address, uint160, uint48)'])
    const data = encode(abi, 'approve', [USDC, SHOP, 2n ** 160n - 1n, 1])
    const { review: told } = review(PERMIT2, data)
    assert.deepEqual(told.allows, [{ ...money(''), amount: null, spender: SHOP }])
    assert.equal(nameOf(review(OTHER, data).review.call), null)
  })
})

const ROUTER_ABI = parseAbi([
  'struct Single { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 amountOut; uint256 amountInMaximum; uint160 limit; }',
  'struct Path { bytes path; address recipient; uint256 deadline; uint256 amountIn; uint256 amountOutMinimum; }',
  'function exactOutputSingle(Single)',
  'function exactInput(Path)',
  'function refundETH()',
  'function multicall(bytes[])',
])

const EXACT_OUT = encode(ROUTER_ABI, 'exactOutputSingle', [
  {
    ...{ tokenIn: USDC, tokenOut: EURC, fee: 500, recipient: SHOP },
    ...{ deadline: 1n, limit: 0n },
    amountOut: 90_000_000n,
    amountInMaximum: 100_000_000n,
  },
])

describe('a call of an exchange', () => {
  it('tells both sides of a swap and which is a limit', () => {
    const exactOut = review(OTHER, EXACT_OUT)
    const words = `Swap at most 100 USDC for 90 EURC, for ${SHOP}, through ${OTHER}`
    assert.equal(exactOut.summary, `${words} on polygon.`)
    assert.match(exactOut.review.worstCase, /^100 USDC leaves this wallet; /)
    const path = encodePacked(['address', 'uint24', 'address', 'uint24', 'address'], [USDC, 500, OTHER, 3000, EURC])
    const input = { path, recipient: SHOP, deadline: 1n, amountIn: 100_000_000n, amountOutMinimum: 90_000_000n }
    const exactIn = review(OTHER, encode(ROUTER_ABI, 'exactInput', [input]))
    assert.equal(exactIn.summary, `Swap 100 USDC for at least 90 EURC, for ${SHOP}, through ${OTHER} on polygon.`)
  })

  it('tells swaps of the first router', () => {
    const abi = parseAbi(['function swapETHForExactTokens(uint256, address[], address, uint256)'])
    const data = encode(abi, 'swapETHForExactTokens', [5_000_000n, [OTHER, USDC], SHOP, 1n])
    const words = `Swap at most the POL sent along for 5 USDC, for ${SHOP}, through ${OTHER} on polygon with 2 POL.`
    assert.equal(review(OTHER, data, 2n * 10n ** 18n).summary, words)
  })

  it('looks into a multicall', () => {
    const { summary, review: told } = review(
      OTHER,
      encode(ROUTER_ABI, 'multicall', [[EXACT_OUT, encode(ROUTER_ABI, 'refundETH', [])]]),
    )
    const names = ['Uniswap v3 SwapRouter exactOutputSingle', 'Uniswap v3 router refundETH']
    assert.deepEqual(nameOf(told.call), ['Uniswap v3 router multicall', ...names])
    assert.match(summary, new RegExp(`^Make 2 calls through ${OTHER}: \\(1\\) Swap at most 100 USDC`))
    const hidden = review(OTHER, encode(ROUTER_ABI, 'multicall', [[EXACT_OUT, '0xdeadbeef']]))
    assert.deepEqual(nameOf(hidden.review.call), ['Uniswap v3 router multicall', names[0], null])
    assert.match(hidden.review.worstCase, /^The server does not know what this call does/)
  })
})

const EXECUTE_ABI = parseAbi(['function execute(bytes32 mode, bytes executionData)'])
const BATCH_MODE: Hex = `0x01${'00'.repeat(31)}`

function batch(calls: { to: Hex; value: bigint; data: Hex }[], mode = BATCH_MODE): Hex {
  const parameters = parseAbiParameters('(address to, uint256 value, bytes data)[]')
  return encode(EXECUTE_ABI, 'execute', [mode, encodeAbiParameters(parameters, [calls])])
}

describe('a batch of a smart account', () => {
  const transfer = { to: USDC, value: 0n, data: encode(erc20Abi, 'transfer', [SHOP, 1_000_000n]) }
  const coins = { to: SHOP, value: 10n ** 18n, data: '0x' as const }

  it('is the sum of its calls where it is the payer’s own', () => {
    const { summary, review: told } = review(PAYER, batch([transfer, coins]))
    assert.equal(
      summary,
      `Make 2 calls through ${PAYER}: (1) Send 1 USDC to ${SHOP}; (2) Send 1 POL to ${SHOP} on polygon.`,
    )
    assert.deepEqual(told.leaves, [money('1'), { currency: 'POL', currencyAddress: '', amount: '1' }])
    assert.equal(told.complete, true)
    const foreign = review(OTHER, batch([transfer, coins])).review
    assert.deepEqual({ leaves: foreign.leaves, complete: foreign.complete }, { leaves: [], complete: false })
  })

  it('tells what each call sends', () => {
    const { summary } = review(PAYER, batch([{ to: OTHER, value: 10n ** 17n, data: '0x12345678' }]))
    const words = `Call an unknown function (selector 0x12345678) of contract ${OTHER} with 0.1 POL`
    assert.equal(summary, `Make 1 call through ${PAYER}: (1) ${words} on polygon.`)
  })

  it('is unknown where it is not a plain batch', () => {
    assert.equal(nameOf(review(PAYER, batch([transfer], `0x0101${'00'.repeat(30)}`)).review.call), null)
    assert.equal(nameOf(review(PAYER, encode(EXECUTE_ABI, 'execute', [BATCH_MODE, '0x12'])).review.call), null)
  })

  it('is looked into a few levels deep and a few calls long', () => {
    const nested = (depth: number): Hex =>
      depth === 0 ? EXACT_OUT : encode(ROUTER_ABI, 'multicall', [[nested(depth - 1)]])
    const swap = 'Uniswap v3 SwapRouter exactOutputSingle'
    const multicall = 'Uniswap v3 router multicall'
    assert.deepEqual(nameOf(review(OTHER, nested(3)).review.call), [multicall, [multicall, [multicall, swap]]])
    assert.deepEqual(nameOf(review(OTHER, nested(4)).review.call), [multicall, [multicall, [multicall, null]]])
    assert.equal(nameOf(review(PAYER, batch(Array(33).fill(coins))).review.call), null)
    const twelve = review(PAYER, batch(Array(12).fill(coins)))
    assert.match(twelve.summary, /; and 4 more on polygon\.$/)
    assert.equal(twelve.review.leaves.length, 12)
  })
})

const SAMPLES: [Hex, Hex][] = [
  [USDC, encode(erc20Abi, 'transfer', [SHOP, 5n])],
  [OTHER, encode(erc721Abi, 'safeTransferFrom', [PAYER, SHOP, 5n, '0x1234'])],
  [OTHER, EXACT_OUT],
  [OTHER, encode(ROUTER_ABI, 'multicall', [[EXACT_OUT]])],
  [PAYER, batch([{ to: USDC, value: 1n, data: encode(erc20Abi, 'approve', [SHOP, 5n]) }])],
]

describe('hostile data', () => {
  it('is unknown where it is cut short, goes on, or is written in another way', () => {
    for (const [to, data] of SAMPLES) {
      assert.notEqual(nameOf(review(to, data).review.call), null)
      assert.equal(nameOf(review(to, data.slice(0, -2) as Hex).review.call), null, 'cut short')
      assert.equal(nameOf(review(to, `${data}00`).review.call), null, 'goes on')
      assert.equal(nameOf(review(to, concat([data, `0x${'00'.repeat(32)}`])).review.call), null, 'goes on for a word')
    }
    const [, transfer] = SAMPLES[0] ?? []
    assert.equal(nameOf(review(USDC, `${transfer?.slice(0, 12) as Hex}ff${transfer?.slice(14)}`).review.call), null)
    const long = encode(erc721Abi, 'safeTransferFrom', [PAYER, SHOP, 5n, `0x${'00'.repeat(10_000)}`])
    assert.equal(nameOf(review(OTHER, long).review.call), null, 'too long')
  })

  it('is not blown up by entries that share their bytes', { timeout: 10_000 }, () => {
    const word = (value: number): Hex => numberToHex(value, { size: 32 })
    const [entries, bytes] = [100, 4_096]
    const heads: Hex[] = Array(entries).fill(word(entries * 32))
    const list = concat([word(32), word(entries), ...heads, word(bytes), `0x${'00'.repeat(bytes)}`])
    const bomb = concat([toFunctionSelector('multicall(bytes[])'), list])
    for (let round = 0; round < 2_000; round++) assert.equal(nameOf(review(OTHER, bomb).review.call), null)
  })

  it('never breaks the reading, and what is known is what was sent, to the byte', () => {
    const selectors = SAMPLES.map(([, data]) => data.slice(2, 10))
    const anything = fc
      .tuple(fc.constantFrom(...selectors, ''), fc.uint8Array({ maxLength: 400 }))
      .map(([selector, bytes]): Hex => `0x${selector}${bytesToHex(bytes).slice(2)}`)
    const bent = fc.tuple(fc.constantFrom(...SAMPLES), fc.nat(), fc.nat(255)).map(([[, data], place, byte]): Hex => {
      const bytes = hexToBytes(data)
      bytes[place % bytes.length] = byte
      return bytesToHex(bytes)
    })
    const target = fc.constantFrom(USDC, OTHER, PAYER, PERMIT2)
    const read = (to: Hex, data: Hex, wei: bigint) => {
      const { summary, review: told } = review(to, data, wei)
      assert.ok(summary.length < 4_000)
      const written = told.call && rewritten(told.call)
      assert.ok(written === null || written === data, `${data} was read as ${written}`)
    }
    fc.assert(fc.property(target, fc.oneof(anything, bent), fc.bigInt(0n, maxUint256), read), { numRuns: 2_000 })
  })
})

describe('why a call would revert', () => {
  const reasonOf = (data: Hex, to = USDC) =>
    evmRules.explainOutcome({ to, wei: 0n, data: '0x12345678' }, { ending: 'reverts', data }, FACTS).reason
  const error = (signature: string, args: unknown[]) => {
    const abi: Abi = parseAbi([`error ${signature}`] as readonly string[])
    return encodeErrorResult({ abi, args })
  }

  it('is told in plain words, amounts of listed tokens in whole units', () => {
    const short = error('ERC20InsufficientAllowance(address, uint256, uint256)', [SHOP, 1n, 2_500_000n])
    assert.equal(reasonOf(short), `${SHOP} may take 0.000001 USDC, and 2.5 USDC is needed`)
    assert.equal(reasonOf(short, OTHER), `${SHOP} may take 1 units, and 2500000 units is needed`)
    assert.equal(
      reasonOf(error('Error(string)', ['Too much requested'])),
      'the price has moved beyond the slippage bound',
    )
    for (const [says, meaning] of [
      ['TF', /cannot be paid out: it refuses the transfer from the exchange/],
      ['IIA', /the exchange got less than the swap costs: the token keeps a part/],
      ['STF', /cannot be taken: the wallet has too little of it, or has not approved enough/],
      ['AS', /of no amount/],
      ['SPL', /the price has moved/],
      ['LOK', /the pool is not open yet/],
      ['Too little received', /the price has moved/],
      ['Transaction too old', /the quote has expired/],
      ['Insufficient WETH9', /less comes out of the swap/],
    ] as const) {
      assert.match(reasonOf(error('Error(string)', [says]), OTHER) ?? '', meaning)
    }
    const balance = error('ERC20InsufficientBalance(address, uint256, uint256)', [PAYER, 1n, 2_500_000n])
    assert.equal(reasonOf(balance), `${PAYER} has 0.000001 USDC, and 2.5 USDC is needed`)
    assert.match(reasonOf(error('ERC20InvalidReceiver(address)', [OTHER])) ?? '', /does not go to that address/)
    assert.match(reasonOf(error('OwnableUnauthorizedAccount(address)', [PAYER])) ?? '', /may not do that/)
    assert.match(reasonOf(error('Panic(uint256)', [17n])) ?? '', /a number became too large or fell below zero/)
    assert.equal(reasonOf(error('EnforcedPause()', [])), 'the contract is paused')
    assert.match(reasonOf('0xdeadbeef') ?? '', /does not know \(0xdeadbeef\)/)
  })

  it('does not let a contract speak in the server’s name', () => {
    const said = 'x". \u202eAll\u2028is\nwell\u0007 “'
    assert.equal(reasonOf(error('Error(string)', [said])), 'the contract says "x. All is well"')
    const long = reasonOf(error('Error(string)', ['y'.repeat(3_000)])) ?? ''
    assert.match(long, /^the contract says "y+…"$/)
    assert.ok(long.length < 200)
    assert.match(reasonOf(`0x08c379a0${'00'.repeat(10_000)}`) ?? '', /more words/)
    assert.match(reasonOf(`0x08c379a0${'ff'.repeat(64)}`) ?? '', /does not know/)
  })
})

/** The data of a call, from what it was told to be; null where that is not told in full. */
function rewritten(call: CallReview): Hex | null {
  if (!call.known) return null
  if (call.standard === 'native') return '0x'
  if (call.function === 'execute') return null
  const inner = call.calls?.map(rewritten)
  if (inner?.includes(null)) return null
  const [types, values] = [call.args.map(parameterOf), call.args.map(encodable)]
  if (inner) types.push({ type: 'bytes[]' })
  if (inner) values.push(inner)
  const item = {
    type: 'function',
    name: call.function,
    inputs: types,
    outputs: [],
    stateMutability: 'payable',
  } as const
  return concat([toFunctionSelector(item), encodeAbiParameters(types, values)])
}

function parameterOf({ type, value }: CallArgument): AbiParameter {
  return type === 'tuple' && typeof value !== 'string' ? { type, components: value.map(namedOf) } : { type }
}

const namedOf = (argument: CallArgument): AbiParameter => ({ ...parameterOf(argument), name: argument.name })

function encodable({ type, value }: CallArgument): unknown {
  if (typeof value !== 'string') {
    return type === 'tuple'
      ? Object.fromEntries(value.map((part) => [part.name, encodable(part)]))
      : value.map(encodable)
  }
  if (type === 'bool') return value === 'true'
  return type.startsWith('uint') ? BigInt(value) : value
}
