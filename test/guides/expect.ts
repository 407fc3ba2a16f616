const ANYTHING = '…'

/**
 * How what was printed differs from what a document shows. An ellipsis stands for anything; of a JSON object the document may
 * leave fields out.
 * @returns one line for each difference
 */
export function differencesBetween(printed: string, block: { language: string; text: string }): string[] {
  if (block.language === 'json') return differencesOf(JSON.parse(printed), JSON.parse(block.text), '')
  return fits(printed.trim(), block.text.trim()) ? [] : [printed]
}

function differencesOf(printed: unknown, shown: unknown, path: string): string[] {
  if (typeof shown === 'string' && typeof printed === 'string') {
    return fits(printed, shown) ? [] : [`${path}: ${printed}`]
  }
  if (Array.isArray(shown) && Array.isArray(printed)) {
    if (shown.length !== printed.length) return [`${path}: ${printed.length} items`]
    return shown.flatMap((item, index) => differencesOf(printed[index], item, `${path}/${index}`))
  }
  if (isRecord(shown) && isRecord(printed)) {
    return Object.entries(shown).flatMap(([name, value]) => differencesOf(printed[name], value, `${path}/${name}`))
  }
  return shown === printed ? [] : [`${path}: ${JSON.stringify(printed)}`]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fits(printed: string, shown: string): boolean {
  const parts = shown
    .trimEnd()
    .split(ANYTHING)
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(printed.trimEnd())
}
