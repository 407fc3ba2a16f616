import { quotable } from '../../protocol/plain-text.ts'

/** The longest text of a payee that is shown in full. */
const MAX_LENGTH = 1000

/**
 * Text from others: what a payee, a wallet or an order calls itself. It is quoted, so that it cannot pass for what the page
 * says itself, in characters that are seen, and kept from turning the direction of what stands beside it.
 */
export function Theirs({ text, isLong = false }: { text: string; isLong?: boolean }) {
  return (
    <bdi class="theirs">
      <q>{isLong ? quotable(text, MAX_LENGTH) : quotable(text)}</q>
    </bdi>
  )
}
