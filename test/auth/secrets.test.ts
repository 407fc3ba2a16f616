import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { SecretsUnusable } from '../../src/auth/secrets.ts'
import { loadSecrets, readSecrets } from '../../src/auth/secrets-file.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const START_MS = Date.UTC(2026, 0, 1)

describe('secrets', () => {
  let parent: string
  let dataDir: string
  let file: string

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'sixpence-secrets-'))
    dataDir = join(parent, 'data')
    file = join(dataDir, 'secrets.json')
  })
  afterEach(() => rmSync(parent, { recursive: true, force: true }))

  const startOnDay = (day: number) => loadSecrets({ dataDir, nowMs: START_MS + day * DAY_MS })
  const kidsOnDay = (day: number) => startOnDay(day).tokenKeys.map(({ kid }) => kid)

  it('are made on the first start, for the owner alone, with nothing left beside them', () => {
    const secrets = startOnDay(0)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(dataDir), ['secrets.json'])
    const keys = [secrets.tokenKeys[0].key, secrets.challengeKey, secrets.sealKey]
    assert.deepEqual(new Set(keys.map((key) => key.length)), new Set([32]))
    assert.equal(new Set(keys.map((key) => key.toString('hex'))).size, keys.length)
  })

  it('stay the same over a restart, to the byte', () => {
    const first = startOnDay(0)
    const written = readFileSync(file, 'utf8')
    assert.deepEqual(startOnDay(29), first)
    assert.equal(readFileSync(file, 'utf8'), written)
  })

  it('differ between data directories', () => {
    const other = loadSecrets({ dataDir: join(parent, 'other'), nowMs: START_MS })
    assert.notDeepEqual(other.sealKey, startOnDay(0).sealKey)
  })

  it('sign with a new key after 30 days, keep the old one for a day, and change nothing else', () => {
    const first = startOnDay(0)
    const rotated = startOnDay(31)
    assert.equal(rotated.tokenKeys.length, 2)
    assert.notEqual(rotated.tokenKeys[0].kid, first.tokenKeys[0].kid)
    assert.deepEqual(rotated.tokenKeys[1], first.tokenKeys[0])
    assert.deepEqual(rotated.sealKey, first.sealKey)
    assert.deepEqual(rotated.challengeKey, first.challengeKey)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.deepEqual(kidsOnDay(32), [rotated.tokenKeys[0].kid, first.tokenKeys[0].kid])
    assert.deepEqual(kidsOnDay(33), [rotated.tokenKeys[0].kid])
  })

  it('keep a key that signed until this very start, however old it is', () => {
    const [old] = kidsOnDay(0)
    assert.deepEqual(kidsOnDay(200).slice(1), [old])
  })

  it('can be read beside the server without rotating', () => {
    const running = startOnDay(0)
    const written = readFileSync(file, 'utf8')
    assert.deepEqual(readSecrets({ dataDir }), running)
    assert.equal(readFileSync(file, 'utf8'), written)
  })

  it('are not made by reading', () => {
    assert.throws(() => readSecrets({ dataDir }), SecretsUnusable)
    assert.deepEqual(readdirSync(parent), [])
  })

  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    it(`are refused when others can open them (0${mode.toString(8)})`, () => {
      startOnDay(0)
      chmodSync(file, mode)
      assert.throws(() => startOnDay(1), { name: 'SecretsUnusable', message: /chmod 600/ })
      assert.throws(() => readSecrets({ dataDir }), SecretsUnusable)
      chmodSync(file, 0o600)
      assert.doesNotThrow(() => startOnDay(1))
    })
  }

  const spoiled: [string, (text: string) => string][] = [
    ['empty', () => ''],
    ['cut short', (text) => text.slice(0, -20)],
    ['not an object', () => '[]'],
    ['of another version', (text) => text.replace('"version": 1', '"version": 2')],
    ['without token keys', (text) => JSON.stringify({ ...JSON.parse(text), tokenKeys: [] })],
    ['with a short key', (text) => JSON.stringify({ ...JSON.parse(text), sealKey: 'c2hvcnQ' })],
  ]
  for (const [what, spoil] of spoiled) {
    it(`are refused and left alone when the file is ${what}`, () => {
      startOnDay(0)
      const text = spoil(readFileSync(file, 'utf8'))
      writeFileSync(file, text)
      assert.throws(() => startOnDay(40), { name: 'SecretsUnusable', message: /not a Sixpence secrets file/ })
      assert.equal(readFileSync(file, 'utf8'), text)
    })
  }

  it('say so when the data directory cannot be one', () => {
    writeFileSync(dataDir, 'a file')
    assert.throws(() => startOnDay(0), SecretsUnusable)
    assert.equal(readFileSync(dataDir, 'utf8'), 'a file')
  })
})
