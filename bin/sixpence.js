#!/usr/bin/env -S node --max-semi-space-size=4 --max-old-space-size=1024
import { existsSync, readFileSync } from 'node:fs'

/**
 * The program as npm installs it: JavaScript in the package, `src/main.ts` itself in a checkout. An old Node can read this
 * file and say what is wrong; the rest it could not read.
 */

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const oldest = Number.parseInt(engines.node.replace('>=', ''), 10)
if (Number.parseInt(process.versions.node, 10) < oldest) {
  console.error(`error: Sixpence needs Node ${oldest} or newer; this is Node ${process.versions.node}.`)
  process.exit(1)
}
const source = new URL('../src/main.ts', import.meta.url)
await import(existsSync(source) ? source.href : '../lib/main.js')
