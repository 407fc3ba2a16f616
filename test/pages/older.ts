/** What browsers did not have widely on the day that src/web/baseline.json names: a script takes it from the page. */
const NEWER = {
  Promise: 'withResolvers try',
  AbortSignal: 'any timeout',
  URL: 'canParse parse',
  Array: 'fromAsync',
  Map: 'groupBy',
  Object: 'groupBy',
  Response: 'json',
  Uint8Array: 'fromBase64 fromHex',
  RegExp: 'escape',
  'Array.prototype': 'toSorted toReversed toSpliced with findLast findLastIndex',
  'Set.prototype': 'union intersection difference symmetricDifference isSubsetOf isSupersetOf isDisjointFrom',
  'String.prototype': 'isWellFormed toWellFormed',
  'URLSearchParams.prototype': 'size',
  'Uint8Array.prototype': 'toBase64 toHex',
  'Iterator.prototype': 'map filter take drop flatMap reduce toArray forEach some every find',
}

export const OLDER_BROWSER = Object.entries(NEWER)
  .flatMap(([owner, names]) => names.split(' ').map((name) => `delete ${owner}.${name}`))
  .join('\n')

/** Reading any of them throws, as it does where a browser is told to let pages keep nothing. */
export const NO_MEMORY = `Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError') } })`
export const NO_STREAMS = 'delete globalThis.ReadableStream'
export const NO_CRYPTOGRAPHY = 'delete Crypto.prototype.subtle'
