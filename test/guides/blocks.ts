/** A fenced block of a document, and the paragraph before it. */
export type Block = { language: string; text: string; line: number; intro: string }

/** What is done with a block. */
export type Use =
  | { kind: 'run'; isOtherWindow: boolean }
  | { kind: 'file'; name: string; isAdded: boolean }
  | { kind: 'output'; isOtherWindow: boolean }
  | { kind: 'left out'; reason: string }

const FENCE = /^```(\w*)\s*$/

/** The fenced blocks of a Markdown document, in order. */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n')
  const fences = lines.flatMap((line, index) => (FENCE.test(line) ? [index] : []))
  const blocks: Block[] = []
  for (let nth = 0; nth + 1 < fences.length; nth += 2) {
    const [start = 0, end = 0] = fences.slice(nth)
    const [, language = ''] = FENCE.exec(lines[start] ?? '') ?? []
    const text = lines.slice(start + 1, end).join('\n')
    blocks.push({ language, text, line: start + 1, intro: paragraphBefore(lines.slice(0, start)) })
  }
  return blocks
}

function paragraphBefore(lines: string[]): string {
  const last = lines.findLastIndex((line) => line.trim() !== '')
  const gap = lines.slice(0, last + 1).findLastIndex((line) => line.trim() === '')
  return lines.slice(gap + 1, last + 1).join(' ')
}

/**
 * The rules by which the documents are written, all of them visible to their readers:
 * - a block under "Save this as `name`" is that file, one under "Add this to `name`" goes to its end;
 * - a block under "Not run by our tests: why." is left out;
 * - a block of `sh` is run, in the shell of the document; under "In another window", beside it;
 * - a block of `json` or `text` is what the block before it has printed; under "the other window says", what has been
 *   printed there by the end.
 * @throws Error where a block is none of these
 */
export function useOf({ language, intro, line, text }: Block): Use {
  const [, how, name] = /([Ss]ave this as|[Aa]dd this to) `([^`]+)`/.exec(intro) ?? []
  if (name !== undefined) return { kind: 'file', name, isAdded: how?.toLowerCase() === 'add this to' }
  const [, reason] = /Not run by our tests: ([^.]+)\./.exec(intro) ?? []
  if (reason !== undefined) return { kind: 'left out', reason }
  if (/\bnpm (ci|i|it|cit|install)\b/.test(text)) throw new Error(`line ${line}: tests install nothing`)
  if (language === 'sh') return { kind: 'run', isOtherWindow: /[Ii]n another window/.test(intro) }
  if (language === 'json' || language === 'text')
    return { kind: 'output', isOtherWindow: /other window says/.test(intro) }
  throw new Error(`line ${line}: nobody knows what to do with a block of ${language || 'no language'}`)
}
