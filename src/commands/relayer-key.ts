import { readFileSync, statSync } from 'node:fs'
import { privateKeyToAddress } from 'viem/accounts'
import { ConfigError, type RelayerConfig } from '../config.ts'
import type { Hex } from '../domain/payment.ts'
import type { RelayerSettings } from '../server.ts'

/** A number of 256 bits that is a key of secp256k1 but for a handful. */
const KEY = /^0x[0-9a-f]{64}$/i

/** Bits of a file's mode that let others in. */
const OTHERS = 0o077

/**
 * Reads the key of the relayer into memory.
 * @throws ConfigError where the file cannot be read, is open to others, or holds no key; its content is in no message
 */
export function readRelayerKey({ keyFile, dailyCaps }: RelayerConfig): RelayerSettings {
  const text = readOwn(keyFile).trim()
  if (!isKey(text)) throw new ConfigError(`${keyFile} must hold a private key: 0x and 64 hex digits, and nothing else`)
  return { privateKey: text, dailyCapsWei: new Map(dailyCaps.map(({ network, wei }) => [network, wei])) }
}

function readOwn(file: string): string {
  try {
    const { mode } = statSync(file)
    if ((mode & OTHERS) !== 0) throw new ConfigError(`${file} is open to others: chmod 600 it`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(`the relayer key cannot be read: ${error instanceof Error ? error.message : error}`)
  }
}

function isKey(text: string): text is Hex {
  if (!KEY.test(text)) return false
  try {
    privateKeyToAddress(`0x${text.slice(2)}`)
    return true
  } catch {
    return false
  }
}
