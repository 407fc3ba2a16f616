/** What ends a line, or jumps within one. */
const BREAKS = /[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu

/**
 * What is not seen, and moves or hides what is: control and escape characters, bidirectional and zero-width ones, lone
 * surrogates, what no font shows.
 */
const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]/gu

/** What could close the quotation that a text stands in. */
const QUOTES = /["“”„‟«»]/g

/** Names and reasons are shorter; what is longer only pushes the rest out of sight. */
const MAX_QUOTED_LENGTH = 160

/**
 * Text from others as it may be shown to people, in a page, a terminal or a log: one line, of characters that are seen.
 * What is stored and sent stays as it was given.
 */
export function plainText(text: string): string {
  return text.replace(BREAKS, ' ').replace(UNSEEN, '')
}

/** Text from others as it may stand in quotes: plain, short, and nothing in it closes them. */
export function quotable(text: string, maxLength: number = MAX_QUOTED_LENGTH): string {
  const plain = plainText(text).replace(QUOTES, '').trim()
  return plain.length > maxLength ? `${plain.slice(0, maxLength)}…` : plain
}

/** Text from others within the server's own words. */
export function quoted(text: string): string {
  return `"${quotable(text)}"`
}
