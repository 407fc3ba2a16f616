import * as Address from 'ox/Address'
import { type Static, Type } from 'typebox'
import { fault, inside, type Place } from './config-error.ts'
import type { Currency } from './domain/currency.ts'
import type { Hex } from './domain/payment.ts'
import type { FixedRate } from './fx/fixed-rates.ts'
import type { FxSettings } from './fx/open-fx.ts'

const Contract = Type.String()
const RateEntry = Type.Object(
  {
    from: Type.String(),
    to: Type.String(),
    rate: Type.String({ pattern: '^(0|[1-9][0-9]{0,29})(\\.[0-9]{1,30})?$' }),
    validUntil: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?Z$' }),
  },
  { additionalProperties: false },
)

/** What a network in the config file may say of its exchanges. */
export const FxEntry = Type.Object(
  {
    uniswapV3: Type.Optional(
      Type.Union([
        Type.Object({ quoter: Contract, router: Contract }, { additionalProperties: false }),
        Type.Literal('off'),
      ]),
    ),
    rates: Type.Optional(Type.Array(RateEntry)),
    maxDisagreement: Type.Optional(Type.String({ pattern: '^[0-9]{1,2}(\\.[0-9]{1,2})?%$' })),
  },
  { additionalProperties: false },
)
type FxEntry = Static<typeof FxEntry>

/**
 * Puts what the operator says of exchanges over what ships for the network.
 * @throws ConfigError
 */
export function readFx(
  { uniswapV3, rates = [], maxDisagreement }: FxEntry,
  network: { currencies: readonly Currency[]; fx: FxSettings },
  place: Place,
): FxSettings {
  return {
    uniswapV3: uniswapV3 === undefined ? network.fx.uniswapV3 : readUniswapV3(uniswapV3, inside(place, 'uniswapV3')),
    rates: rates.map((rate, index) => readRate(rate, network.currencies, inside(inside(place, 'rates'), index))),
    maxDisagreementBps:
      maxDisagreement === undefined
        ? network.fx.maxDisagreementBps
        : readBasisPoints(maxDisagreement, inside(place, 'maxDisagreement')),
  }
}

function readUniswapV3(entry: NonNullable<FxEntry['uniswapV3']>, place: Place): FxSettings['uniswapV3'] {
  if (entry === 'off') return null
  const { quoter, router } = entry
  return {
    quoter: readContract(quoter, inside(place, 'quoter')),
    router: readContract(router, inside(place, 'router')),
  }
}

function readContract(text: string, place: Place): Hex {
  if (!Address.validate(text)) throw fault(place, 'must be the address of a contract, in lower case or checksummed')
  return Address.checksum(text)
}

function readRate(entry: Static<typeof RateEntry>, currencies: readonly Currency[], place: Place): FixedRate {
  const [whole = '', fraction = ''] = entry.rate.split('.')
  const toUnits = BigInt(whole + fraction)
  if (toUnits === 0n) throw fault(inside(place, 'rate'), 'must be above zero')
  const validUntilMs = Date.parse(entry.validUntil)
  if (Number.isNaN(validUntilMs)) throw fault(inside(place, 'validUntil'), 'is no time of the calendar')
  return {
    from: readCurrency(entry.from, currencies, inside(place, 'from')),
    to: readCurrency(entry.to, currencies, inside(place, 'to')),
    toUnits,
    perFrom: 10n ** BigInt(fraction.length),
    validUntilMs,
  }
}

function readCurrency(text: string, currencies: readonly Currency[], place: Place): Currency {
  const wanted = text.toLowerCase()
  const matches = currencies.filter(
    ({ symbol, address }) => symbol.toLowerCase() === wanted || (address !== '' && address.toLowerCase() === wanted),
  )
  const [match] = matches
  if (match === undefined) throw fault(place, `"${text}" is none of the currencies of the network`)
  if (matches.length > 1) throw fault(place, `"${text}" is the symbol of several currencies: write the address`)
  return match
}

function readBasisPoints(percentage: string, place: Place): number {
  const basisPoints = Math.round(Number.parseFloat(percentage) * 100)
  if (basisPoints === 0) throw fault(place, 'must be above zero: prices on a chain never stand still')
  return basisPoints
}
