import type { Finding } from './linters.ts'

/** The rules of the linters that the document does not follow, each with its reason. What they find is no fault. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ['spectral info-contact', 'Whoever runs the server is who to ask, and the document does not know them.'],
  ['spectral license-url', 'OpenAPI 3.1 has a licence named by its SPDX identifier or by an address, not by both.'],
  ['spectral openapi-tags-alphabetical', 'The tags stand in the order in which a payment comes by them.'],
  ['redocly no-ambiguous-paths', 'The paths are those of the public API: an id never looks like one of its words.'],
])

/** What is said of what was found, and whether all of it may be. An exception that nothing needs is a fault, too. */
export function judged(findings: Finding[]): { lines: string[]; isGood: boolean } {
  const faults = findings.filter(({ rule }) => !EXCEPTIONS.has(rule))
  const found = Map.groupBy(findings, ({ rule }) => rule)
  const idle = [...EXCEPTIONS.keys()].filter((rule) => !found.has(rule))
  const lines = [
    ...faults.map(({ rule, text }) => `error: ${rule}: ${text}`),
    ...idle.map((rule) => `error: ${rule}: an exception that nothing needs any more`),
    ...[...EXCEPTIONS].map(([rule, reason]) => `by intent: ${rule} (${found.get(rule)?.length ?? 0}): ${reason}`),
  ]
  return { lines, isGood: faults.length + idle.length === 0 }
}
