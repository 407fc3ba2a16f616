import { globSync } from 'node:fs'
import baseline from '../src/web/baseline.json' with { type: 'json' }
import { wrongTargets } from './baseline.ts'
import { findInBuilt, findInSources } from './baseline-scripts.ts'
import { findInStyles } from './baseline-styles.ts'

/**
 * Fails where the pages or the SDK use what was not widely available in browsers on the day that src/web/baseline.json
 * names. Syntax is no matter: the build writes it for browsers of that day.
 */

/** What may be used all the same, and why. */
const ALLOWED = new Map([
  ['api.HTMLMediaElement.srcObject', 'Safari takes a MediaStream alone, and nothing else is given'],
  ['api.OffscreenCanvas', 'the decoder of QR codes takes a canvas where there is none'],
  ['javascript.builtins.Symbol.dispose', 'the signals library takes a symbol of its own where there is none'],
  ['javascript.builtins.Uint8Array.fromBase64', 'the chain library looks whether it is there'],
  ['javascript.builtins.Uint8Array.fromHex', 'the chain library looks whether it is there'],
  ['javascript.builtins.Uint8Array.toHex', 'what checks addresses looks whether it is there'],
  ['css.properties.accent-color', 'boxes have the colour of the browser'],
  ['css.properties.text-size-adjust', 'Safari has it under another name, which stands there too'],
  ['css.properties.text-wrap', 'lines break as they always did'],
  ['css.properties.text-wrap.balance', 'lines break as they always did'],
  ['css.properties.text-wrap.pretty', 'lines break as they always did'],
  ['css.properties.cursor.pointer', 'phones have no cursor'],
  ['css.properties.cursor.not-allowed', 'phones have no cursor'],
  ['css.properties.outline', 'its corners are not round in Safari before 16.4'],
  ['css.properties.outline.none', 'as outline'],
  ['css.properties.outline.solid', 'as outline'],
])

const built = globSync('dist/pages/assets/*.js')
if (built.length === 0) {
  console.error('There are no built pages to look at in dist/pages: npm run build:pages makes them.')
  process.exit(1)
}

const finds = [
  ...findInSources('src/web/tsconfig.json', globSync('src/client/*.ts')),
  ...built.flatMap(findInBuilt),
  ...globSync('src/web/**/*.css').flatMap(findInStyles),
]
const complaints = [
  ...wrongTargets().map((target) => `src/web/baseline.json: the browsers of ${baseline.asOf} include ${target}`),
  ...finds.filter(({ key }) => !ALLOWED.has(key)).map(({ key, where }) => `${where}: ${key} is newer`),
  ...[...ALLOWED.keys()].filter((key) => !finds.some((find) => find.key === key)).map((key) => `${key}: not used`),
]
for (const complaint of new Set(complaints)) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1
