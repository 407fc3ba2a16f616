import type { Hex } from '../domain/payment.ts'
import { Conflict, type Store } from '../store/store.ts'

/**
 * Writes down with which block a chain begins, as something that is claimed once and for ever.
 * @returns the block that was written down first, by whichever node
 */
export async function keepGenesis(
  store: Pick<Store, 'claimOwners' | 'commit'>,
  chainId: number,
  hash: Hex,
): Promise<Hex> {
  const key = `genesis:${chainId}`
  const find = async () => (await store.claimOwners([key])).get(key) as Hex | undefined
  const known = await find()
  if (known !== undefined) return known
  try {
    await store.commit({ claims: [{ key, ownerId: hash, forgetAtMs: null }] })
    return hash
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    return (await find()) ?? hash
  }
}
