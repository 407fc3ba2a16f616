import {
  type AbiParameter,
  concat,
  decodeAbiParameters,
  encodeAbiParameters,
  numberToHex,
  parseAbiParameters,
  slice,
  zeroAddress,
} from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { CallArgument, CallReview } from '../../domain/review.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import type { CallFacts, RawCall } from '../chain.ts'
import { lowerHex } from './hex.ts'
import { type KnownFunction, knownFunction } from './known-functions.ts'

type DecodingFacts = Pick<CallFacts, 'tokenAt' | 'nativeCurrency'>

type Token = NonNullable<ReturnType<CallFacts['tokenAt']>>

/** What a decoder may still do; batches in batches must not make it work without end. */
type Budget = { calls: number }

const MAX_DATA_BYTES = 8_192
const MAX_CALLS = 32
/** Batches within a call, one in another. */
const MAX_DEPTH = 3

/** `0x` and eight digits. */
const SELECTOR_LENGTH = 10

/**
 * Reads what a call says it does. Whatever is doubtful is unknown: data that is cut short, too long, or not written
 * exactly as the function's arguments are written. Never throws.
 */
export function decodeCall(call: RawCall, facts: DecodingFacts): CallReview {
  return decode({ ...call, data: lowerHex(call.data) }, facts, MAX_DEPTH, { calls: MAX_CALLS })
}

function decode(call: RawCall, facts: DecodingFacts, depth: number, budget: Budget): CallReview {
  const { to: contract, wei, data } = call
  const value = wei === 0n ? {} : { value: formatAmount(wei, facts.nativeCurrency.decimals) }
  if (data === '0x') return { known: true, contract, standard: 'native', function: 'transfer', args: [], ...value }
  const selector: Hex = `0x${data.slice(2, SELECTOR_LENGTH)}`
  const unknown: CallReview = { known: false, contract, selector, ...value }
  if (data.length > 2 + 2 * MAX_DATA_BYTES) return unknown
  const token = facts.tokenAt(contract)
  const known = knownFunction(contract, selector, token !== undefined)
  const values = known && readExactly(known.item.inputs, `0x${data.slice(SELECTOR_LENGTH)}`)
  if (!known || !values) return unknown
  const inner = innerCalls(known, values, contract)
  if (inner === 'unreadable' || (inner !== null && !spend(budget, inner.length, depth))) return unknown
  const { standard, item } = known
  // The last argument of a batch is its calls; those are shown decoded.
  const inputs = inner === null ? item.inputs : item.inputs.slice(0, -1)
  return {
    ...{ known: true, contract, standard, function: item.name },
    args: inputs.map((input, index) => argumentOf(input, values[index], token)),
    ...(inner !== null && { calls: inner.map((call) => decode(call, facts, depth - 1, budget)) }),
    ...value,
  }
}

/** What token functions call an amount of the token. */
const AMOUNT_NAME = 'value'

function argumentOf(input: AbiParameter, value: unknown, token: Token | undefined): CallArgument {
  const { name = '', type } = input
  if (Array.isArray(value)) {
    const entry = { ...input, type: type.slice(0, type.lastIndexOf('[')) }
    const entries = value.map((part, index) => argumentOf({ ...entry, name: String(index) }, part, undefined))
    return { name, type, value: entries }
  }
  if ('components' in input && isRecord(value)) {
    return { name, type, value: input.components.map((part) => argumentOf(part, value[part.name ?? ''], undefined)) }
  }
  const isAmount = token !== undefined && name === AMOUNT_NAME && typeof value === 'bigint'
  const amount = isAmount ? { amount: `${formatAmount(value, token.decimals)} ${token.symbol}` } : {}
  return { name, type, value: String(value), ...amount }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function spend(budget: Budget, calls: number, depth: number): boolean {
  budget.calls -= calls
  return budget.calls >= 0 && depth > 0
}

/** The values, if `data` is how they are written, to the last byte. */
function readExactly(inputs: readonly AbiParameter[], data: Hex): readonly unknown[] | null {
  if (inputs.length === 0) return data === '0x' ? [] : null
  try {
    const values = decodeInputs(inputs, data)
    return encodeAbiParameters(inputs, values) === data ? values : null
  } catch {
    return null
  }
}

const OFFSETS = { type: 'uint256[]' } as const

const WORD_BYTES = 32
/** Where a value of any length begins that stands alone: right behind this. */
const ALONE = numberToHex(WORD_BYTES, { size: WORD_BYTES })

/**
 * As viem decodes, but a last list of calls entry by entry, each from bytes of its own: entries that all point to the
 * same bytes would make a little data a hundred times as long.
 */
function decodeInputs(inputs: readonly AbiParameter[], data: Hex): readonly unknown[] {
  const list = inputs.at(-1)
  if (list?.type !== 'bytes[]' && list?.type !== 'tuple[]') return decodeAbiParameters(inputs, data)
  const begin = (inputs.length + 1) * WORD_BYTES
  const values: readonly unknown[] = decodeAbiParameters([...inputs.slice(0, -1), OFFSETS], data)
  const offsets = [values.at(-1)].flat().map(Number)
  const entries = offsets.map((offset, index) => {
    const next = offsets[index + 1]
    const own = slice(data, begin + offset, next === undefined ? undefined : begin + next)
    return decodeAbiParameters([{ ...list, type: list.type.slice(0, -2) }], concat([ALONE, own]))[0]
  })
  return [...values.slice(0, -1), entries]
}

const EXECUTE_INPUTS = parseAbiParameters('(address to, uint256 value, bytes data)[] calls')

/** ERC-7821's mode of a plain batch that fails as a whole. */
const BATCH_MODE = `0x01${'00'.repeat(31)}`

/** The calls that a call makes in turn; null where it is not there to make any. */
function innerCalls({ item }: KnownFunction, values: readonly unknown[], self: Hex): RawCall[] | 'unreadable' | null {
  if (item.name === 'multicall') {
    const calls = values.at(-1)
    return isHexList(calls) ? calls.map((data) => ({ to: self, wei: 0n, data })) : 'unreadable'
  }
  if (item.name !== 'execute') return null
  const [mode, executionData] = values
  if (mode !== BATCH_MODE || typeof executionData !== 'string') return 'unreadable'
  const batch = readExactly(EXECUTE_INPUTS, executionData as Hex)
  if (batch === null) return 'unreadable'
  const [calls] = batch as unknown as [{ to: Hex; value: bigint; data: Hex }[]]
  // Nobody's address stands for the account itself.
  return calls.map(({ to, value, data }) => ({ to: to === zeroAddress ? self : to, wei: value, data }))
}

function isHexList(value: unknown): value is Hex[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}
