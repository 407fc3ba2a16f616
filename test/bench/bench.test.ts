import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const BENCH = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))

test('the bench runs to its end, and its last line is the report', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [BENCH, '--tiny'])
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  for (const workload of ['reserve', 'redeem', 'flow', 'negotiate', 'resolve']) {
    assert.deepEqual(Object.keys(report[workload]), ['perSecond', 'floorPerSecond', 'ratio', 'p50Ms', 'p99Ms'])
  }
  for (const workload of ['reserve', 'flow']) assert.ok(report.postgres[workload].ratio > 0)
  assert.ok(report.twoNodes.ratio > 0)
  assert.ok(report.events.p50Ms <= report.events.p99Ms)
  assert.deepEqual(Object.keys(report.growth), ['rows1k', 'rows1m', 'ratio'])
  assert.deepEqual(Object.keys(report.codes), ['empty', 'nearlyFull', 'ratio'])
  assert.ok(report.peakRssMb > 0)
})
