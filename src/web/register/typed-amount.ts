/** What is wrong with what was typed, in words for whoever typed it. */
export type Unclear = { why: string }

const SPACES = /\s/g

/** One mark, up to three digits before it and exactly three behind: thousands for some, thousandths for others. */
const EITHER_WAY = /^[1-9]\d{0,2}[.,]\d{3}$/

/** Digits in groups of three, all parted by the same mark. */
const GROUPS = /^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*$/

/**
 * Reads an amount as people type it: a comma is a point, spaces part thousands, and so does the one of the two marks that is
 * not the last. Nobody can tell from `1.234` or `1,234` which of the two is meant, so neither is taken for anything.
 * @returns a plain decimal, or nearly so: whether it is an amount is for `parseAmount` to say
 */
export function readTypedAmount(typed: string): string | Unclear {
  const text = typed.replace(SPACES, '')
  if (EITHER_WAY.test(text)) return unclear(text)
  const marks = text.match(/[.,]/g) ?? []
  if (marks.length < 2) return plainOf(text.replace(',', '.'))
  if (GROUPS.test(text)) return plainOf(withoutMarks(text))
  const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','))
  const [whole, fraction] = [text.slice(0, last), text.slice(last + 1)]
  const isParted = GROUPS.test(whole) && !whole.includes(text.charAt(last))
  return isParted ? plainOf(`${withoutMarks(whole)}.${fraction}`) : text
}

/** While it is still being keyed in: a comma is a point, and nothing is made of three digits. */
export function readKeyed(typed: string): string {
  return plainOf(typed.replace(SPACES, '').replace(',', '.'))
}

function unclear(text: string): Unclear {
  const [whole = '', rest = ''] = text.split(/[.,]/)
  return {
    why: `${text} can be read in two ways. Write ${whole}${rest} if that is meant, or ${whole}.${rest}0 if the part behind the mark is a fraction.`,
  }
}

function withoutMarks(text: string): string {
  return text.replace(/[.,]/g, '')
}

function plainOf(text: string): string {
  return text
    .replace(/\.$/, '')
    .replace(/^\./, '0.')
    .replace(/^0+(?=\d)/, '')
}

/** What a plain decimal was understood as, so that a misread point is seen: `1 234 EURC and 50 hundredths`. */
export function amountInWords(amount: string, symbol: string): string {
  const [whole = '0', fraction = ''] = amount.split('.')
  const spaced = `${whole.replace(/\B(?=(\d{3})+$)/g, '\u202f')} whole ${symbol}`
  if (!/[1-9]/.test(fraction)) return spaced
  const digits = fraction.padEnd(2, '0')
  const parts = PARTS[digits.length]
  return `${spaced} and ${parts ? `${Number(digits)} ${parts}` : `0.${fraction}`}`
}

const PARTS: Partial<Record<number, string>> = { 2: 'hundredths', 3: 'thousandths' }
