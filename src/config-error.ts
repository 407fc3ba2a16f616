/** The operator's flags, environment or config file are wrong. The message is one line: what, where, and how to mend it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(message: string) {
    super(message.replaceAll(/\s+/g, ' '))
  }
}

/** A place in a file, by JSON pointer. */
export type Place = { file: string; pointer: string }

export const inside = ({ file, pointer }: Place, key: string | number): Place => ({
  file,
  pointer: `${pointer}/${key}`,
})

export const fault = ({ file, pointer }: Place, words: string): ConfigError =>
  new ConfigError(`${file}: ${pointer || 'the file'} ${words}`)

/** The one of `words` that `typed` is most likely a slip of. */
export function nearest(typed: string, words: Iterable<string>): string | undefined {
  return [...words].map((word) => ({ word, slips: slipsBetween(typed, word) })).sort((a, b) => a.slips - b.slips)[0]
    ?.word
}

/** Levenshtein's distance: how many letters to add, drop or change. */
function slipsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1]
    for (const [column, against] of [...other].entries()) {
      const [diagonal = 0, above = 0] = row.slice(column, column + 2)
      const left = next[column] ?? 0
      next.push(Math.min(diagonal + (letter === against ? 0 : 1), above + 1, left + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
