/** Six characters that people say and type: context, session and voucher codes. */
export const CODE_LENGTH = 6

/** Crockford's base 32: digits and capitals without I, L, O and U. */
export const ALPHANUM_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export type CodeFormat = 'numeric' | 'alphanum'

const FOLDED_CODE = new RegExp(`^[${ALPHANUM_ALPHABET}]{${CODE_LENGTH}}$`)

/** How a resource sign-in names a context by its code. */
export const CONTEXT_CODE_RESOURCE = 'voucher::context::code::'

/**
 * Folds what a person typed into the form in which codes are dealt: upper case, O read as 0, I and L as 1.
 * @returns the code, or null where it cannot be one
 */
export function foldCode(typed: string): string | null {
  const folded = typed.trim().toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')
  return FOLDED_CODE.test(folded) ? folded : null
}
