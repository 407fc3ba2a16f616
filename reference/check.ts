import { readFile } from 'node:fs/promises'
import { judged } from './exceptions.ts'
import { findingsOf } from './linters.ts'

/** Has the OpenAPI document examined: `npm run check:reference`. Fails on any finding that has no reason to be. */

const FILE = new URL('../src/http/reference/openapi.json', import.meta.url)

const { lines, isGood } = judged(await findingsOf(await readFile(FILE, 'utf8')))
for (const line of lines) process.stdout.write(`${line}\n`)
process.exitCode = isGood ? 0 : 1
