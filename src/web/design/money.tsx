import { Mark } from './mark.tsx'

type MoneyProps = {
  /** A decimal string in whole units. */
  amount: string
  currency: string
  big?: boolean
}

/** An amount, exact as it came, with its thousands apart. */
export function Money({ amount, currency, big = false }: MoneyProps) {
  return (
    <span class={big ? 'money money--big' : 'money'}>
      {groupThousands(amount)} <span class="money__currency">{currency}</span>
    </span>
  )
}

const NARROW_SPACE = '\u202f'

/** Parts the thousands of a decimal string, and writes tenths as hundredths, as people write money. */
export function groupThousands(amount: string): string {
  const [whole = '', fraction] = amount.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE)
  return fraction === undefined ? grouped : `${grouped}.${fraction.padEnd(2, '0')}`
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '.', '0', 'back'] as const

type Key = (typeof KEYS)[number]

const SPOKEN: Partial<Record<Key, string>> = { '.': 'point', back: 'delete the last character' }

/** The keys of a till. What they make of an amount is `press`. */
export function Keypad({ onKey }: { onKey: (key: Key) => void }) {
  return (
    <fieldset class="keypad">
      <legend class="unseen">Amount keypad</legend>
      {KEYS.map((key) => (
        <button type="button" class="keypad__key" key={key} aria-label={SPOKEN[key]} onClick={() => onKey(key)}>
          {key === 'back' ? <Mark of="back" /> : key}
        </button>
      ))}
    </fieldset>
  )
}

/** Long enough for any sale, short enough for its display. */
const MOST_DIGITS = 15

/**
 * The amount after one more key.
 * @param decimals how many places the currency has; what would be beyond them is not taken
 */
export function press(amount: string, key: Key, decimals: number): string {
  if (key === 'back') return amount.slice(0, -1)
  if (key === '.') return amount.includes('.') || decimals === 0 ? amount : `${amount || '0'}.`
  const [, fraction] = amount.split('.')
  if (fraction !== undefined && fraction.length >= decimals) return amount
  if (amount.length >= MOST_DIGITS) return amount
  return amount === '0' ? key : amount + key
}
