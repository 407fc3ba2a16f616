const LONGEST = 160

/** What a contract says, so that it cannot pass for the server's own words: no line breaks, no quotes, no tricks. */
export function quoted(text: string): string {
  const plain = text.replace(/[\p{C}\p{Zl}\p{Zp}"“”]/gu, '').trim()
  return `"${plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain}"`
}
