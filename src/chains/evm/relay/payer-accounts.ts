import { LRUCache } from 'lru-cache'
import type { Hex } from '../../../domain/payment.ts'
import { answersForSignatures } from '../contract-signature.ts'
import type { EvmChain } from '../evm-chain.ts'
import { lowerHex } from '../hex.ts'

/** A key; a key whose account runs code (EIP-7702); a contract. */
export type AccountKind = 'key' | 'delegated' | 'contract'

/** How the code of a key's account begins that delegates to other code. */
const DELEGATION = '0xef0100'

/** An account may begin to run code at any block; what was signed for it is rehearsed in any case. */
const KNOWN_FOR_MS = 30_000
const MOST_ACCOUNTS = 10_000

/** What stands at the addresses of payers, as it was not long ago. */
export class PayerAccounts {
  readonly #chain: EvmChain
  readonly #kinds = new LRUCache<Hex, AccountKind>({ max: MOST_ACCOUNTS, ttl: KNOWN_FOR_MS })
  readonly #answers = new LRUCache<Hex, boolean>({ max: MOST_ACCOUNTS, ttl: KNOWN_FOR_MS })

  constructor(chain: EvmChain) {
    this.#chain = chain
  }

  /** @throws ChainUnavailable */
  kind(address: Hex): Promise<AccountKind> {
    return remember(this.#kinds, lowerHex(address), async () => {
      const code = await this.#chain.ask(({ client }) =>
        client.request({ method: 'eth_getCode', params: [address, 'latest'] }),
      )
      if (code === '0x') return 'key'
      return lowerHex(code).startsWith(DELEGATION) ? 'delegated' : 'contract'
    })
  }

  /** Whether its code has a way to say what it has signed (ERC-1271). @throws ChainUnavailable */
  answers(address: Hex): Promise<boolean> {
    return remember(this.#answers, lowerHex(address), () =>
      this.#chain.ask(({ client }) => answersForSignatures(client, address)),
    )
  }
}

async function remember<Value extends string | boolean>(
  cache: LRUCache<Hex, Value>,
  address: Hex,
  read: () => Promise<Value>,
): Promise<Value> {
  const known = cache.get(address)
  if (known !== undefined) return known
  const value = await read()
  cache.set(address, value)
  return value
}
