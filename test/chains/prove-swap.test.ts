import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodeAbiParameters, encodeEventTopics, erc20Abi, getAddress, numberToHex, parseAbi } from 'viem'
import type { Log, MinedSighting, ProofQuestion } from '../../src/chains/chain.ts'
import { evmRules } from '../../src/chains/evm/rules.ts'
import type { Expectation, Hex, SwapExpectation } from '../../src/domain/payment.ts'

const [USDC, WETH, EURC] = [address(0xa1), address(0xa2), address(0xa3)] as const
const [POOL, FIRST, SECOND, FAKE] = [address(0xb1), address(0xb2), address(0xb3), address(0xb4)] as const
const [PAYER, OTHER, SHOP, ROUTER] = [address(0xc1), address(0xc2), address(0xc3), address(0xc4)] as const

const EVENTS = parseAbi([
  'event Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, uint160 sqrtPriceX96, uint128 liquidity, int24 tick)',
  'event Collect(address indexed owner, address recipient, int24 indexed tickLower, int24 indexed tickUpper, uint128 amount0, uint128 amount1)',
  'event Withdrawal(address indexed src, uint256 wad)',
  'event Approval(address indexed owner, address indexed spender, uint256 value)',
])

function address(number: number): Hex {
  return numberToHex(number, { size: 20 })
}

function logOf(emitter: Hex, topics: readonly (Hex | Hex[] | null)[], data: Hex): Log {
  return { address: emitter, topics: topics.flatMap((topic) => topic ?? []), data }
}

function transfer(token: Hex, from: Hex, to: Hex, units: bigint): Log {
  const topics = encodeEventTopics({ abi: erc20Abi, eventName: 'Transfer', args: { from, to } })
  return logOf(token, topics, numberToHex(units, { size: 32 }))
}

/** A pool's word. What it took is positive, what it gave negative. */
function swapLog(pool: Hex, recipient: Hex, amount0: bigint, amount1: bigint): Log {
  const topics = encodeEventTopics({ abi: EVENTS, eventName: 'Swap', args: { sender: ROUTER, recipient } })
  const types = ['int256', 'int256', 'uint160', 'uint128', 'int24'].map((type) => ({ type }))
  return logOf(pool, topics, encodeAbiParameters(types, [amount0, amount1, 1n, 1n, 0]))
}

function collectLog(pool: Hex): Log {
  const args = { owner: OTHER, tickLower: 0, tickUpper: 1 }
  const types = ['address', 'uint128', 'uint128'].map((type) => ({ type }))
  const topics = encodeEventTopics({ abi: EVENTS, eventName: 'Collect', args })
  return logOf(pool, topics, encodeAbiParameters(types, [SHOP, 0n, 100n]))
}

/** What a swap leaves behind: the pool gives, is paid, and says so. `took` of USDC, which is the first token of the pool. */
function swapOf(
  from: Hex,
  { to = SHOP, took = 109n, gave = 100n, pool = POOL }: { to?: Hex; took?: bigint; gave?: bigint; pool?: Hex } = {},
): Log[] {
  return [transfer(EURC, pool, to, gave), transfer(USDC, from, pool, took), swapLog(pool, to, took, -gave)]
}

/** Two pools that meet at the wrapped native coin; the second gives, and is paid by the first. */
function hopsOf(from: Hex, { took = 109n, between = 50n, gave = 100n } = {}): Log[] {
  return [
    transfer(EURC, SECOND, SHOP, gave),
    transfer(WETH, FIRST, SECOND, between),
    transfer(USDC, from, FIRST, took),
    swapLog(FIRST, SECOND, took, -between),
    swapLog(SECOND, SHOP, between, -gave),
  ]
}

const direct: SwapExpectation = {
  kind: 'swap',
  call: { to: ROUTER, wei: 0n, data: '0x1234' },
  ...{ paysNative: false, givesNative: false },
  route: { router: ROUTER, wrappedNative: WETH, tokens: [USDC, EURC], fees: [500], pools: [POOL] },
  ...{ recipient: SHOP, units: 100n },
}
const route = { ...direct.route, tokens: [USDC, WETH, EURC], fees: [3000, 3000], pools: [FIRST, SECOND] }
const twoHops: SwapExpectation = { ...direct, route }
const payingNative: SwapExpectation = {
  ...{ ...direct, paysNative: true, call: { to: ROUTER, wei: 120n, data: '0x1234' } },
  route: { ...direct.route, tokens: [WETH, EURC], pools: [SECOND] },
}
const givingNative: SwapExpectation = {
  ...{ ...direct, givesNative: true, route: { ...direct.route, tokens: [USDC, WETH], pools: [FIRST] } },
}

type Facts = MinedSighting['transaction']

function mined(logs: Log[], transaction: Partial<Facts> = {}): MinedSighting {
  return {
    state: 'mined',
    transaction: { hash: '0x01', from: PAYER, to: ROUTER, wei: 0n, data: '0x1234', nonce: 0, ...transaction },
    block: { number: 11, hash: '0x02' },
    succeeded: true,
    logs,
  }
}

function prove(expectation: Expectation, sighting: MinedSighting, changes: Partial<ProofQuestion> = {}) {
  return evmRules.prove({ expectation, sighting, payers: [PAYER], afterBlockNumber: 10, ...changes })
}

function assertUnproven(proof: ReturnType<typeof prove>, reason: RegExp): void {
  assert.equal(proof.proven, false)
  assert.match(proof.proven ? '' : proof.reason, reason)
}

const NOT_PAID = /no Transfer of an address of the payer into the pool \S+ pays for what the payee got/
const NOT_GIVEN = /no swap with a Transfer of exactly 100 units of \S+a3 from the pool \S+ to \S+c3/
const COUNTED = /counted for another payment already/

describe('a swap between tokens', () => {
  it('counts by what the payer gave and what the payee got', () => {
    assert.deepEqual(prove(direct, mined(swapOf(PAYER))), {
      proven: true,
      parts: ['log:1', 'log:0'],
      payer: getAddress(PAYER),
    })
  })

  it('counts whoever calls for it, whatever else happens around it', () => {
    const noise = transfer(WETH, OTHER, SHOP, 1n)
    const logs = [noise, ...swapOf(OTHER, { to: OTHER }), ...swapOf(PAYER), noise]
    const proof = prove(direct, mined(logs, { from: OTHER, to: OTHER, data: '0x' }))
    assert.deepEqual(proof, { proven: true, parts: ['log:5', 'log:4'], payer: getAddress(PAYER) })
  })

  it('counts through several pools', () => {
    assert.deepEqual(prove(twoHops, mined(hopsOf(PAYER))), {
      proven: true,
      parts: ['log:2', 'log:0'],
      payer: getAddress(PAYER),
    })
  })

  it('counts with tokens in the other order', () => {
    const selling: SwapExpectation = { ...direct, route: { ...direct.route, tokens: [EURC, USDC] } }
    const logs = [transfer(USDC, POOL, SHOP, 100n), transfer(EURC, PAYER, POOL, 92n), swapLog(POOL, SHOP, -100n, 92n)]
    assert.deepEqual(prove(selling, mined(logs)), { proven: true, parts: ['log:1', 'log:0'], payer: getAddress(PAYER) })
  })

  it('counts once; two equal ones count twice', () => {
    const logs = [...swapOf(PAYER), ...swapOf(PAYER)]
    const taken = new Set(['log:1', 'log:0'])
    assert.deepEqual(prove(direct, mined(logs), { taken }), {
      proven: true,
      parts: ['log:4', 'log:3'],
      payer: getAddress(PAYER),
    })
    assertUnproven(prove(direct, mined(swapOf(PAYER)), { taken }), COUNTED)
    assertUnproven(prove(direct, mined(swapOf(PAYER)), { taken: new Set(['log:1']) }), NOT_PAID)
  })
})

describe('a swap does not count', () => {
  const forgeries: [string, Log[], RegExp][] = [
    ['of somebody else', swapOf(OTHER), NOT_PAID],
    ['by a pool that is not on the route', swapOf(PAYER, { pool: FAKE }), NOT_GIVEN],
    ['to somebody else', swapOf(PAYER, { to: OTHER }), NOT_GIVEN],
    ['of a unit less', swapOf(PAYER, { gave: 99n }), NOT_GIVEN],
    ['of a unit more', swapOf(PAYER, { gave: 101n }), NOT_GIVEN],
    ['without a word of the pool', swapOf(PAYER).slice(0, 2), NOT_GIVEN],
    ['where nothing arrived', swapOf(PAYER).slice(1), NOT_GIVEN],
    ['as a plain Transfer of the payer', [transfer(EURC, PAYER, SHOP, 100n)], NOT_GIVEN],
    ['as what a liquidity provider takes out', [transfer(EURC, POOL, SHOP, 100n), collectLog(POOL)], NOT_GIVEN],
    [
      "where the payee got a liquidity provider's coins and the payer swapped for itself",
      [transfer(EURC, POOL, SHOP, 100n), collectLog(POOL), ...swapOf(PAYER, { to: OTHER })],
      NOT_GIVEN,
    ],
    ['with a gift to the pool', [transfer(USDC, PAYER, POOL, 1n), ...swapOf(OTHER)], NOT_PAID],
    ['with a gift of as much to the pool', [transfer(USDC, PAYER, POOL, 109n), ...swapOf(OTHER)], NOT_PAID],
    ['with a gift afterwards', [...swapOf(OTHER), transfer(USDC, PAYER, POOL, 109n)], NOT_PAID],
    ['next to one of its own for as much', [...swapOf(PAYER, { to: PAYER, gave: 99n }), ...swapOf(OTHER)], NOT_PAID],
    ['before one of its own for as much', [...swapOf(OTHER), ...swapOf(PAYER, { to: PAYER, gave: 99n })], NOT_PAID],
    ['where a false token says that the payer paid', [...swapOf(OTHER), transfer(FAKE, PAYER, POOL, 109n)], NOT_PAID],
  ]
  for (const [name, logs, reason] of forgeries) {
    it(name, () => assertUnproven(prove(direct, mined(logs)), reason))
  }

  const hops = hopsOf(PAYER)
  const [given, between, paid, first, second] = hops
  const others = hopsOf(OTHER)
  const forgedHops: [string, Log[]][] = [
    ['of somebody else', others],
    ['of somebody else, with a gift to the first pool', [transfer(USDC, PAYER, FIRST, 109n), ...others]],
    [
      'of somebody else, next to one of the first pool alone',
      [
        transfer(WETH, FIRST, PAYER, 50n),
        transfer(USDC, PAYER, FIRST, 109n),
        swapLog(FIRST, PAYER, 109n, -50n),
        ...others,
      ],
    ],
    [
      'that pays the second pool too little',
      hops.map((log) => (log === first ? swapLog(FIRST, SECOND, 109n, -49n) : log)),
    ],
    [
      'that had the second pool paid before',
      [between, paid, first, given, transfer(WETH, OTHER, SECOND, 50n), second].flatMap((log) => log ?? []),
    ],
  ]
  for (const [name, logs] of forgedHops) {
    it(`${name}, through several pools`, () => assertUnproven(prove(twoHops, mined(logs)), NOT_PAID))
  }

  it('in a block that was known before, or where it reverted', () => {
    assertUnproven(prove(direct, mined(swapOf(PAYER)), { afterBlockNumber: 11 }), /only blocks after 11 count/)
    assertUnproven(prove(direct, { ...mined(swapOf(PAYER)), succeeded: false }), /reverted/)
  })
})

describe('a swap of the native coin', () => {
  const arrival = [
    transfer(EURC, SECOND, SHOP, 100n),
    transfer(WETH, ROUTER, SECOND, 110n),
    swapLog(SECOND, SHOP, 110n, -100n),
  ]
  const withdrawal = logOf(
    WETH,
    encodeEventTopics({ abi: EVENTS, eventName: 'Withdrawal', args: { src: ROUTER } }),
    numberToHex(100n, { size: 32 }),
  )

  it('is the very call, and takes every part of its transaction', () => {
    const parts = ['call', 'value', 'internal', 'log:0', 'log:1', 'log:2']
    assert.deepEqual(prove(payingNative, mined(arrival, { wei: 120n })), {
      proven: true,
      parts,
      payer: getAddress(PAYER),
    })
    assert.deepEqual(prove(givingNative, mined([withdrawal])), {
      proven: true,
      parts: ['call', 'value', 'internal', 'log:0'],
      payer: getAddress(PAYER),
    })
  })

  const faults: [string, Partial<Facts>, RegExp][] = [
    ['by somebody else', { from: OTHER }, /not an address of the payer/],
    ['of another contract', { to: OTHER }, /goes to \S+ instead of/],
    ['of another data', { data: '0x1235' }, /not the data that was asked/],
    ['with other coins', { wei: 119n }, /carries 119 wei/],
  ]
  for (const [name, change, reason] of faults) {
    it(`is not a call ${name}`, () => {
      assertUnproven(prove(payingNative, mined(arrival, { wei: 120n, ...change })), reason)
      assertUnproven(prove(givingNative, mined([withdrawal], change)), reason)
    })
  }

  it('does not count where a part counts already, or where nothing arrived', () => {
    for (const part of ['call', 'value', 'log:1']) {
      assertUnproven(prove(payingNative, mined(arrival, { wei: 120n }), { taken: new Set([part]) }), COUNTED)
    }
    assertUnproven(prove(payingNative, mined([], { wei: 120n })), NOT_GIVEN)
    assertUnproven(prove(givingNative, mined([])), /gave out no 100 wei/)
    assertUnproven(prove({ ...givingNative, units: 101n }, mined([withdrawal])), /gave out no 101 wei/)
  })
})

describe('an approval', () => {
  const expectation: Expectation = { kind: 'approval', token: USDC, spender: ROUTER }
  const approval = (owner: Hex, spender: Hex, token: Hex = USDC) =>
    logOf(
      token,
      encodeEventTopics({ abi: EVENTS, eventName: 'Approval', args: { owner, spender } }),
      numberToHex(1n, { size: 32 }),
    )

  it('counts in any block, for any number of payments, and takes no part', () => {
    const sighting = mined([approval(PAYER, ROUTER)])
    const proof = prove(expectation, sighting, { afterBlockNumber: 11, taken: new Set(['call', 'log:0']) })
    assert.deepEqual(proof, { proven: true, parts: [], payer: getAddress(PAYER) })
  })

  for (const [name, log] of [
    ['of somebody else', approval(OTHER, ROUTER)],
    ['for somebody else', approval(PAYER, OTHER)],
    ['of another token', approval(PAYER, ROUTER, EURC)],
    ['a Transfer', transfer(USDC, PAYER, ROUTER, 1n)],
  ] as const) {
    it(`does not count: ${name}`, () =>
      assertUnproven(prove(expectation, mined([log])), /does not let \S+ take the token/))
  }
})
