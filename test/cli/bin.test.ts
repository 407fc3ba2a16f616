import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/sixpence.js', import.meta.url))

/** Runs what npm links, as a Node of another version where one is named. */
function runBin(nodeVersion = process.versions.node) {
  const versions = `{ value: { ...process.versions, node: ${JSON.stringify(nodeVersion)} } }`
  const claim = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`
  return spawnSync(process.execPath, ['--import', claim, BIN, '--version'], { encoding: 'utf8', timeout: 20_000 })
}

test('the linked program runs in a checkout', () => {
  const { status, stdout } = runBin()
  assert.equal(status, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

test('an older Node is told so in one line', () => {
  const { status, stderr, stdout } = runBin('23.11.1')
  assert.deepEqual([status, stdout], [1, ''])
  assert.equal(stderr, 'error: Sixpence needs Node 24 or newer; this is Node 23.11.1.\n')
})
