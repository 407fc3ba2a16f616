import { detectCurrency } from '../domain/currency.ts'
import type { CustomTerms, Hex, Instruction, SimpleTerms, Terms } from '../domain/payment.ts'
import { invalidField, Refusal } from '../domain/refusal.ts'
import { parseAmount } from '../protocol/amounts.ts'
import { type ExpectedPayment, MAX_CALL_DATA_BYTES, type RedeemVoucherBody } from '../protocol/schemas.ts'
import type { App } from './app.ts'

const ZERO_ADDRESS = /^0x0{40}$/
const MAX_WEI = 2n ** 256n - 1n

/** The terms of a redemption and the network that carries the payment. */
export type ReadTerms = { terms: Terms; network: string }

/**
 * Reads what a payee states: `expectedPayment` makes a SIMPLE voucher, `networks` and `payments` a CUSTOM one.
 * @throws Refusal `validation_failed`
 */
export function readTerms(app: App, body: RedeemVoucherBody): ReadTerms {
  const custom = body.networks !== undefined || body.payments !== undefined || body.extras !== undefined
  if (body.expectedPayment && custom) {
    throw new Refusal('validation_failed', 'Give either expectedPayment or networks and payments, not both.')
  }
  if (body.expectedPayment) return readSimple(app, body.expectedPayment)
  if (custom) return readCustom(app, body)
  throw new Refusal('validation_failed', 'Give expectedPayment, or networks and payments.')
}

function readSimple(app: App, expected: ExpectedPayment): ReadTerms {
  const currency = detectCurrency(app.currencies, expected)
  if ('refusal' in currency) throw invalidField('/expectedPayment/currency', currency.refusal)
  const units = parseAmount(expected.amount, currency.decimals)
  if (typeof units !== 'bigint') throw invalidField('/expectedPayment/amount', units.refusal)
  const recipient = readRecipient(app, expected.wallet.address, currency.network)
  const terms: SimpleTerms = {
    type: 'SIMPLE',
    network: currency.network,
    currency: currency.symbol,
    currencyAddress: currency.address,
    amount: expected.amount,
    amountUnits: units.toString(),
    decimals: currency.decimals,
    recipient,
  }
  return { terms, network: currency.network }
}

function readRecipient(app: App, text: string, network: string): Hex {
  const path = '/expectedPayment/wallet/address'
  const address = app.rules.readAddress(text)
  if (address === null) throw invalidField(path, 'must be a wallet address such as 0x7099…79C8')
  if (ZERO_ADDRESS.test(address)) throw invalidField(path, 'is the zero address: the money would be lost')
  const contract = contractAt(app, address, network)
  if (contract !== null)
    throw invalidField(path, `is ${contract}: the money would be lost. Give the payee's own wallet`)
  return address
}

/** What is known to be at an address and can pay nothing out again; null: nothing that the server knows. */
function contractAt({ currencies, fx }: App, address: Hex, network: string): string | null {
  const namesakes = currencies.byAddress.get(address.toLowerCase()) ?? []
  const token = namesakes.find((currency) => currency.network === network)
  if (token !== undefined) return `the contract of the token ${token.symbol}`
  return fx.isExchange(network, address) ? 'a contract of the exchange' : null
}

function readCustom(app: App, body: RedeemVoucherBody): ReadTerms {
  const [payment] = body.payments ?? []
  if (!payment) throw invalidField('/payments', 'must hold one payment')
  if (!body.networks?.length) throw invalidField('/networks', 'must hold 1 to 3 networks')
  const terms: CustomTerms = {
    type: 'CUSTOM',
    networks: body.networks,
    instruction: readInstruction(app, payment, '/payments/0'),
    extras: (body.extras ?? []).map((extra, index) => readInstruction(app, extra, `/extras/${index}`)),
  }
  assertDataFits(terms)
  return { terms, network: carryingNetwork(app, body.networks) }
}

/** The data is kept, shown and told with each step of the voucher. */
function assertDataFits({ instruction, extras }: CustomTerms): void {
  const bytes = [instruction, ...extras].reduce((sum, { input }) => sum + (input.data.length - 2) / 2, 0)
  if (bytes > MAX_CALL_DATA_BYTES) {
    throw invalidField(
      extras.length === 0 ? '/payments/0/input/data' : '/extras',
      `may have, with the data of all calls of the voucher, ${MAX_CALL_DATA_BYTES} bytes of data at most, and has ${bytes}`,
    )
  }
}

type RawInstruction = NonNullable<RedeemVoucherBody['extras']>[number]

function readInstruction(app: App, { type, input }: RawInstruction, path: string): Instruction {
  const to = app.rules.readAddress(input.to)
  if (to === null) throw invalidField(`${path}/input/to`, 'must be a contract address such as 0x7099…79C8')
  if (BigInt(input.value) > MAX_WEI) throw invalidField(`${path}/input/value`, 'is larger than a transaction can carry')
  return { type, input: { from: '{payer}', to, value: input.value, data: input.data.toLowerCase() as Hex } }
}

/** The first of the listed networks that the server has a node for, or else the first that it knows. */
function carryingNetwork(app: App, listed: CustomTerms['networks']): string {
  for (const [index, { network, type, chainId }] of listed.entries()) {
    const known = app.networks.get(network)
    if (!known?.enabled)
      throw invalidField(`/networks/${index}/network`, `is not enabled here; enabled are ${enabled(app)}`)
    if (known.type !== type) throw invalidField(`/networks/${index}/type`, `must be ${known.type}`)
    if (known.chainId !== null && String(known.chainId) !== chainId) {
      throw invalidField(`/networks/${index}/chainId`, `must be "${known.chainId}", the chain id of ${network} here`)
    }
  }
  const carrying = listed.find(({ network }) => app.chains.has(network)) ?? listed.find(({ type }) => type === 'evm')
  if (!carrying) throw invalidField('/networks', 'must hold an evm network: payments here are evm calls')
  return carrying.network
}

function enabled(app: App): string {
  return [...app.networks.values()]
    .filter((network) => network.enabled)
    .map((network) => network.name)
    .join(', ')
}
