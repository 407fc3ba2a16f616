import { getAddress } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { Allowance, Arriving, CallReview, KnownCall, Leaving } from '../../domain/review.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import type { CallFacts } from '../chain.ts'
import { isAmong } from './hex.ts'
import { readSwap } from './read-swap.ts'

/** What one call does to the payer, as far as it can be told. */
export type CallEffect = {
  /** A sentence without its end, such as "Send 100 USDC to 0x…". */
  does: string
  /** Whether `does` tells of the native coin that the call sends. */
  tellsValue: boolean
  leaves: Leaving[]
  arrives: Arriving[]
  allows: Allowance[]
  /** What can be lost beside these, such as an NFT: clauses for the worst case. */
  losses: string[]
  /** Whether nothing else can move. */
  complete: boolean
  /** Whether it, or a call within it, is not known. */
  unknown: boolean
}

/** More than anybody has of any token: callers write "without limit" so. */
const UNLIMITED_FROM = 2n ** 159n

/** Batches are told to this many calls. */
const TOLD_CALLS = 8

const NOTHING: CallEffect = {
  ...{ does: '', tellsValue: false, leaves: [], arrives: [], allows: [], losses: [] },
  ...{ complete: false, unknown: false },
}

/** What a decoded call of one of the payer's wallets does. */
export function effectOf(call: CallReview, facts: CallFacts): CallEffect {
  const sent = sentAlong(call, facts)
  if (!call.known) {
    const does = `Call an unknown function (selector ${call.selector}) of contract ${call.contract}`
    return { ...NOTHING, does, leaves: sent, unknown: true }
  }
  const tell = TELLERS[`${call.standard} ${call.function}`] ?? (call.calls ? tellBatch : tellSwap)
  const effect = tell(readCall(call, facts))
  return { ...NOTHING, ...effect, leaves: [...sent, ...(effect.leaves ?? [])] }
}

function sentAlong({ value }: CallReview, { nativeCurrency }: CallFacts): Leaving[] {
  return value === undefined ? [] : [{ currency: nativeCurrency.symbol, currencyAddress: '', amount: value }]
}

/** A call with its arguments at hand. */
type ReadCall = {
  call: KnownCall
  facts: CallFacts
  text: (name: string) => string
  address: (name: string) => Hex
  units: (name: string) => bigint
}

function readCall(call: KnownCall, facts: CallFacts): ReadCall {
  const text = (name: string): string => {
    const value = call.args.find((argument) => argument.name === name)?.value
    if (typeof value !== 'string') throw new Error(`${call.standard} ${call.function} has no argument ${name}`)
    return value
  }
  return { call, facts, text, address: (name) => getAddress(text(name)), units: (name) => BigInt(text(name)) }
}

/** Such as "100 USDC", or how many of its smallest units where the server does not list the token. */
function wordsFor(facts: CallFacts, token: Hex | '', units: bigint): string {
  const known = token === '' ? facts.nativeCurrency : facts.tokenAt(token)
  return known ? `${formatAmount(units, known.decimals)} ${known.symbol}` : `${units} units of the token ${token}`
}

/** What may be taken of a token at most. */
function mostWords(facts: CallFacts, token: Hex, units: bigint, holder = 'this wallet'): string {
  if (units < UNLIMITED_FROM) return `up to ${wordsFor(facts, token, units)}`
  const name = facts.tokenAt(token)?.symbol ?? `of the token ${token}`
  return `all ${name} that ${holder} holds, now and later, without limit`
}

/** What the called token's own amount is in words. */
const amountOf = ({ call, facts, units }: ReadCall, name = 'value') => wordsFor(facts, call.contract, units(name))

/** A transfer of the called token; `from` is null where it is the payer's own. */
function moved(read: ReadCall, from: Hex | null, to: Hex): Partial<CallEffect> {
  const { contract } = read.call
  const token = read.facts.tokenAt(contract)
  const isOwn = from === null || isAmong(from, read.facts.payers)
  if (token === undefined) return { losses: isOwn ? [`${amountOf(read)} leaves this wallet`] : [] }
  const amount = formatAmount(read.units('value'), token.decimals)
  const money = { currency: token.symbol, currencyAddress: getAddress(contract), amount }
  return { leaves: isOwn ? [money] : [], arrives: [{ ...money, wallet: { address: to } }], complete: true }
}

/** The payer's approval of a spender. */
function allowing(facts: CallFacts, spender: Hex, token: Hex, units: bigint): Partial<CallEffect> {
  const known = facts.tokenAt(token)
  if (units === 0n) return { complete: known !== undefined }
  if (known === undefined) return { losses: [`${spender} takes ${mostWords(facts, token, units)}`] }
  const amount = units < UNLIMITED_FROM ? formatAmount(units, known.decimals) : null
  return {
    allows: [{ currency: known.symbol, currencyAddress: getAddress(token), amount, spender }],
    complete: true,
  }
}

type Told = Partial<CallEffect> & { does: string }

type Teller = (read: ReadCall) => Told

const tellTransfer: Teller = (read) => {
  const to = read.address('to')
  return { ...moved(read, null, to), does: `Send ${amountOf(read)} to ${to}` }
}

const tellTransferFrom: Teller = (read) => {
  const [from, to] = [read.address('from'), read.address('to')]
  return { ...moved(read, from, to), does: `Move ${amountOf(read)} from ${from} to ${to}` }
}

const tellAuthorized: Teller = (read) => {
  const { does, ...rest } = tellTransferFrom(read)
  return { ...rest, does: `${does}, by an authorization that the first has signed` }
}

const tellApprove: Teller = (read) => {
  const { call, facts } = read
  const [spender, units] = [read.address('spender'), read.units('value')]
  const name = facts.tokenAt(call.contract)?.symbol ?? `the token ${call.contract}`
  const does =
    units === 0n
      ? `Take back the approval of ${spender} to take ${name}`
      : `Approve ${spender} to take ${mostWords(facts, call.contract, units)}`
  return { ...allowing(facts, spender, call.contract, units), does }
}

const tellIncrease: Teller = (read) => {
  const { call, facts } = read
  const [spender, units] = [read.address('spender'), read.units('value')]
  const does = `Approve ${spender} to take ${mostWords(facts, call.contract, units)} beyond what it may take already`
  return { ...allowing(facts, spender, call.contract, units), does }
}

const tellDecrease: Teller = (read) => ({
  does: `Lower what ${read.address('spender')} may take by ${amountOf(read)}`,
  complete: read.facts.tokenAt(read.call.contract) !== undefined,
})

const tellPermit: Teller = (read) => {
  const { call, facts } = read
  const [owner, spender, units] = [read.address('owner'), read.address('spender'), read.units('value')]
  const isOwn = isAmong(owner, facts.payers)
  const effect = allowing(facts, spender, call.contract, isOwn ? units : 0n)
  const much = mostWords(facts, call.contract, units, owner)
  return { ...effect, does: `Hand in a permit that ${owner} has signed, which lets ${spender} take ${much}` }
}

const tellPermit2Approve: Teller = (read) => {
  const [token, spender, units] = [read.address('token'), read.address('spender'), read.units('amount')]
  const much = mostWords(read.facts, token, units)
  return { ...allowing(read.facts, spender, token, units), does: `Approve ${spender} to take ${much}, through Permit2` }
}

const tellPermit2Transfer: Teller = (read) => {
  const [token, from, to] = [read.address('token'), read.address('from'), read.address('to')]
  const words = wordsFor(read.facts, token, read.units('amount'))
  const lost = isAmong(from, read.facts.payers) ? [`${words} leaves this wallet`] : []
  return { does: `Move ${words} from ${from} to ${to} through Permit2`, losses: lost }
}

const tellEitherTransferFrom: Teller = (read) => {
  const { contract } = read.call
  const which = read.text('valueOrTokenId')
  const [from, to] = [read.address('from'), read.address('to')]
  const what = `${which} of the token ${contract} (an amount in its smallest units, or the NFT of this number)`
  const losses = isAmong(from, read.facts.payers) ? [`${what} leaves this wallet`] : []
  return { does: `Move ${what} from ${from} to ${to}`, losses }
}

const tellEitherApprove: Teller = (read) => {
  const { contract } = read.call
  const [which, spender] = [read.units('valueOrTokenId'), read.address('spender')]
  const what =
    which >= UNLIMITED_FROM
      ? `the token ${contract} without any limit`
      : `${which} of the token ${contract} (an amount in its smallest units, or the NFT of this number)`
  const losses = [`${spender} takes ${what}, at any time until the approval is taken back`]
  return { does: `Approve ${spender} to take ${what}`, losses }
}

const tellNftTransfer: Teller = (read) => {
  const { contract } = read.call
  const [from, to, nft] = [read.address('from'), read.address('to'), `NFT ${read.text('tokenId')} of ${contract}`]
  const losses = isAmong(from, read.facts.payers) ? [`${nft} leaves this wallet`] : []
  return { does: `Transfer ${nft} from ${from} to ${to}`, losses }
}

const tellApproveAll: Teller = (read) => {
  const [operator, all] = [read.address('operator'), `every NFT of ${read.call.contract} that this wallet holds`]
  if (read.text('approved') !== 'true') return { does: `Take back the approval of ${operator} to take ${all}` }
  const losses = [`${operator} takes ${all}, now and later, until the approval is taken back`]
  return { does: `Approve ${operator} to take ${all}, now and later`, losses }
}

const tellWrap: Teller = ({ call, facts }) => {
  const much = `${call.value ?? '0'} ${facts.nativeCurrency.symbol}`
  return { does: `Deposit ${much} in ${call.contract}, as for wrapping it`, tellsValue: true }
}

const tellUnwrap: Teller = (read) => ({
  does: `Withdraw ${amountOf(read)} from ${read.call.contract}, as for unwrapping it`,
})

const tellNative: Teller = ({ call, facts }) => {
  const { symbol } = facts.nativeCurrency
  const money = { currency: symbol, currencyAddress: '' as const, amount: call.value ?? '0' }
  const arrives = call.value === undefined ? [] : [{ ...money, wallet: { address: call.contract } }]
  return { does: `Send ${money.amount} ${symbol} to ${call.contract}`, tellsValue: true, arrives, complete: true }
}

function withValue({ value }: CallReview, effect: CallEffect, { nativeCurrency }: CallFacts): string {
  return value === undefined || effect.tellsValue
    ? effect.does
    : `${effect.does} with ${value} ${nativeCurrency.symbol}`
}

/** The calls of a batch are the payer's own where the payer's account or a `multicall` makes them. */
const tellBatch: Teller = ({ call, facts }) => {
  const { contract, calls = [], function: name } = call
  const isOwnAccount = isAmong(contract, facts.payers)
  const effects = calls.map((inner) => effectOf(inner, facts))
  const sentences = calls.map((inner, index) => withValue(inner, effects[index] ?? NOTHING, facts))
  const told = sentences.slice(0, TOLD_CALLS).map((sentence, index) => `(${index + 1}) ${sentence}`)
  const more = calls.length > TOLD_CALLS ? [`and ${calls.length - TOLD_CALLS} more`] : []
  const count = calls.length === 1 ? '1 call' : `${calls.length} calls`
  const does = `Make ${count} through ${contract}: ${[...told, ...more].join('; ')}`
  const unknown = effects.some((effect) => effect.unknown)
  if (name === 'execute' && !isOwnAccount) return { does, unknown }
  return {
    ...{ does, unknown, complete: isOwnAccount && effects.every(({ complete }) => complete) },
    leaves: effects.flatMap(({ leaves }) => leaves),
    arrives: effects.flatMap(({ arrives }) => arrives),
    allows: effects.flatMap(({ allows }) => allows),
    losses: effects.flatMap(({ losses }) => losses),
  }
}

/** Swaps, and all that is known by name only. */
const tellSwap: Teller = ({ call, facts }) => {
  const swap = readSwap(call)
  if (swap === null) return { does: `Call ${call.function} of contract ${call.contract} (${call.standard})` }
  const [given, got] = [swap.given, swap.got].map(({ token, units }) =>
    units === null ? `the ${facts.nativeCurrency.symbol} sent along` : wordsFor(facts, token, units),
  )
  const [most, least] = swap.exact === 'in' ? ['', 'at least '] : ['at most ', '']
  const does = `Swap ${most}${given} for ${least}${got}, for ${swap.recipient}, through ${call.contract}`
  // Coins that are sent along are what is swapped.
  return { does, losses: call.value === undefined ? [`${given} leaves this wallet`] : [] }
}

const TELLERS: Record<string, Teller> = {
  'native transfer': tellNative,
  'ERC-20 transfer': tellTransfer,
  'ERC-20 transferFrom': tellTransferFrom,
  'ERC-20 approve': tellApprove,
  'ERC-20 increaseAllowance': tellIncrease,
  'ERC-20 decreaseAllowance': tellDecrease,
  'ERC-2612 permit': tellPermit,
  'ERC-3009 transferWithAuthorization': tellAuthorized,
  'ERC-3009 receiveWithAuthorization': tellAuthorized,
  'Permit2 approve': tellPermit2Approve,
  'Permit2 transferFrom': tellPermit2Transfer,
  'ERC-20 or ERC-721 transferFrom': tellEitherTransferFrom,
  'ERC-20 or ERC-721 approve': tellEitherApprove,
  'ERC-721 safeTransferFrom': tellNftTransfer,
  'ERC-721 or ERC-1155 setApprovalForAll': tellApproveAll,
  'WETH9 deposit': tellWrap,
  'WETH9 withdraw': tellUnwrap,
}
