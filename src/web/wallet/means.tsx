import { useEffect, useState } from 'preact/hooks'
import type { VoucherView } from '../../client/index.ts'
import { formatAmount, parseAmount } from '../../protocol/amounts.ts'
import { Money } from '../design/money.tsx'
import type { Means } from './chain.ts'
import { currencies, networks } from './desk.ts'
import { wallet } from './wallets.ts'

/** What the payer has beside what is asked, and what the network will take: as far as the chain says. */
export function MeansOf({ voucher }: { voucher: VoucherView }) {
  const asked = askedOf(voucher)
  const coin = coinOf(voucher)
  const means = useMeans(voucher, asked?.address ?? '')
  if (coin === null) return null
  const isOfCoin = asked === null || asked.address === ''
  return (
    <>
      <dl class="ledger small" aria-live="polite">
        <div class="ledger__line">
          <dt>You have</dt>
          <dd>
            {means === null && UNKNOWN}
            {means === 'reading' && READING}
            {isRead(means) && !isOfCoin && (
              <>
                <Money amount={formatAmount(means.held, asked.decimals)} currency={asked.symbol} /> and{' '}
              </>
            )}
            {isRead(means) && <Money amount={inShort(means.coin, coin.decimals, 'down')} currency={coin.symbol} />}
          </dd>
        </div>
        <div class="ledger__line">
          <dt>Network fee, estimated</dt>
          <dd>
            {means === 'reading' && READING}
            {(means === null || (isRead(means) && means.fee === null)) && UNKNOWN}
            {isRead(means) && means.fee !== null && (
              <Money amount={inShort(means.fee, coin.decimals, 'up')} currency={coin.symbol} />
            )}
          </dd>
        </div>
      </dl>
      {lackingOf(means, { coin, asked }).map((lack) => (
        <p class="notice notice--bad" role="alert" key={lack}>
          {lack}
        </p>
      ))}
    </>
  )
}

const READING = 'reading…'
const UNKNOWN = 'not known just now'

type Read = Means | 'reading' | null

function isRead(means: Read): means is Means {
  return means !== null && means !== 'reading'
}

type Coin = { symbol: string; decimals: number }
type Asked = Coin & { address: string; units: bigint }

/** What the payer pays with, at most; null where the payee has made up calls of its own. */
function askedOf({ expectedPayment, suppliedPayment }: VoucherView): Asked | null {
  const paid = suppliedPayment ?? expectedPayment
  const listed = currencies.value.find((one) => one.network === paid?.network && one.address === paid.currencyAddress)
  if (paid === undefined || listed === undefined) return null
  const units = parseAmount(suppliedPayment?.maxAmount ?? paid.amount, listed.decimals)
  const { symbol, decimals, address } = listed
  return typeof units === 'bigint' ? { symbol, decimals, address, units } : null
}

/** The coin of the network that is paid on. */
function coinOf({ payments = [] }: VoucherView): Coin | null {
  const chainId = payments[0]?.chainId ?? null
  return chainId === null ? null : (networks.value.find((one) => one.chainId === chainId)?.nativeCurrency ?? null)
}

/** What there is not enough of, in words. */
function lackingOf(means: Read, { coin, asked }: { coin: Coin; asked: Asked | null }): string[] {
  if (!isRead(means)) return []
  const isOfCoin = asked?.address === ''
  const lacksAsked = asked !== null && asked.units > (isOfCoin ? means.coin : means.held)
  const needed = (means.fee ?? 1n) + (isOfCoin ? asked.units : 0n)
  return [
    ...(lacksAsked ? [`You have too little ${asked.symbol} for this.`] : []),
    ...(means.coin < needed && !(lacksAsked && isOfCoin)
      ? [`You have too little ${coin.symbol} for the network fee.`]
      : []),
  ]
}

const SHOWN_PLACES = 6

/** Enough of a coin's amount for eyes: what there is rounded down, and what is taken up. */
function inShort(units: bigint, decimals: number, rounding: 'up' | 'down'): string {
  if (decimals <= SHOWN_PLACES) return formatAmount(units, decimals)
  const step = 10n ** BigInt(decimals - SHOWN_PLACES)
  return formatAmount((units + (rounding === 'up' ? step - 1n : 0n)) / step, SHOWN_PLACES)
}

/** @returns null where the chain does not say: what is asked is shown all the same */
function useMeans({ id, version, payments = [] }: VoucherView, token: string): Read {
  const [read, setRead] = useState<Read>('reading')
  const { value: signer } = wallet
  useEffect(() => {
    let isCurrent = true
    const ask = async () => {
      const means = await signer?.meansFor(payments, token).catch(() => null)
      if (isCurrent) setRead(means ?? null)
    }
    void ask()
    return () => {
      isCurrent = false
    }
  }, [id, version, token, signer])
  return read
}
