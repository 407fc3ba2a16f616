import type { Client } from 'viem'
import type { Hex } from '../../domain/payment.ts'
import type { BlockRef } from '../../domain/settlement.ts'
import { ChainUnavailable } from '../chain.ts'
import { blockAt } from './blocks.ts'
import { refusalWords } from './node-errors.ts'

/**
 * Writes a chain's first block down, once and for ever.
 * @returns the first block that was ever written down for the chain
 */
export type KeepGenesis = (hash: Hex) => Promise<Hex>

type Options = { keepGenesis?: KeepGenesis | undefined }

/**
 * Whether a node still serves the chain that the stored payments are on. A chain that was reset has the same id, and its
 * blocks have numbers that are taken: nothing that is known of the old one is true of it. It is asked at first, and
 * again whenever the chain has become shorter.
 */
export class GenesisCheck {
  readonly #client: Client
  readonly #keepGenesis: KeepGenesis | undefined
  #isKnown = false
  #highest = 0

  constructor(client: Client, { keepGenesis }: Options) {
    this.#client = client
    this.#keepGenesis = keepGenesis
  }

  /** @throws ChainUnavailable where the chain has begun anew */
  async assertKnown(): Promise<void> {
    if (this.#isKnown || this.#keepGenesis === undefined) return
    const found = await this.#read()
    const known = found === null ? null : await this.#keepGenesis(found)
    if (found !== known) {
      throw new ChainUnavailable(
        `the chain was reset behind the server: its first block is ${found}, and was ${known} when this data was begun. ` +
          'Start with new data for the new chain, or name nodes of the old one',
      )
    }
    this.#isKnown = true
  }

  /** @throws ChainUnavailable where the chain is shorter than it was, and has begun anew */
  async sawHead({ number }: BlockRef): Promise<void> {
    if (number < this.#highest) {
      this.#isKnown = false
      await this.assertKnown()
    }
    this.#highest = number
  }

  /** @returns null where the node does not serve so old a block: then nothing speaks against it */
  async #read(): Promise<Hex | null> {
    try {
      return (await blockAt(this.#client, 0))?.hash ?? null
    } catch (error) {
      if (refusalWords(error) !== null) return null
      throw error
    }
  }
}
