import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readRelayerKey } from '../src/commands/relayer-key.ts'
import { ConfigError } from '../src/config.ts'
import { RELAYER_KEY } from './settlement/signing.ts'

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sixpence-key-'))
})
after(() => rm(directory, { recursive: true }))

async function read(content: string, mode = 0o600) {
  const keyFile = join(directory, 'relayer.key')
  await writeFile(keyFile, content)
  await chmod(keyFile, mode)
  return readRelayerKey({ keyFile, dailyCaps: [{ network: 'polygon', wei: 5n }] })
}

describe('the key of a relayer', () => {
  it('is read from a file that is open to its owner alone', async () => {
    const settings = { privateKey: RELAYER_KEY, dailyCapsWei: new Map([['polygon', 5n]]) }
    assert.deepEqual(await read(`${RELAYER_KEY}\n`), settings)
    for (const mode of [0o640, 0o604, 0o666]) {
      await assert.rejects(
        read(RELAYER_KEY, mode),
        (error) => error instanceof ConfigError && /chmod 600/.test(error.message),
      )
    }
  })

  it('is a key and nothing else, and shows in no message', async () => {
    for (const text of [
      '',
      RELAYER_KEY.slice(2),
      `${RELAYER_KEY} `.repeat(2),
      `0x${'0'.repeat(64)}`,
      `0x${'f'.repeat(64)}`,
    ]) {
      await assert.rejects(read(text), ({ message }: Error) => {
        assert.match(message, /must hold a private key/)
        return text === '' || !message.includes(text.trim())
      })
    }
    const nowhere = { keyFile: join(directory, 'nothing'), dailyCaps: [] }
    assert.throws(() => readRelayerKey(nowhere), /the relayer key cannot be read/)
  })
})
