import { BroadcastRefused, ChainUnavailable } from '../chain.ts'
import { causeOf } from './node-errors.ts'
import type { RpcNode } from './rpc-node.ts'

/** A node may drop one request (a stale connection, a hiccup) without being down. */
const ROUNDS = 2

/** Nodes of one network that stand in for each other. Each question goes as a whole to one of them. */
export class NodePool {
  readonly #network: string
  readonly #nodes: RpcNode[]
  /** Whoever answered last is asked first. */
  #preferred: RpcNode | undefined

  constructor(network: string, nodes: RpcNode[]) {
    this.#network = network
    this.#nodes = nodes
  }

  /**
   * Asks one node after the other until one answers. An answer counts where the node serves the right chain as it gives it.
   * @throws ChainUnavailable when none does
   */
  async ask<Answer>(question: (node: RpcNode) => Promise<Answer>): Promise<Answer> {
    return this.#try(async (node) => {
      const [answer] = await Promise.all([question(node), node.assertRightChain()])
      return answer
    })
  }

  /**
   * Has one node after the other do something until one does; none does that serves another chain.
   * @throws ChainUnavailable when none does; BroadcastRefused as the node gave it
   */
  async tell(order: (node: RpcNode) => Promise<void>): Promise<void> {
    return this.#try(async (node) => {
      await node.assertRightChain()
      await order(node)
    })
  }

  async #try<Answer>(attempt: (node: RpcNode) => Promise<Answer>): Promise<Answer> {
    const failures: unknown[] = []
    for (const node of this.#order()) {
      try {
        const answer = await attempt(node)
        this.#preferred = node
        return answer
      } catch (error) {
        if (error instanceof BroadcastRefused) throw error
        failures.push(error)
      }
    }
    throw this.#unavailable(failures)
  }

  #order(): RpcNode[] {
    const preferred = this.#preferred
    const once = preferred ? [preferred, ...this.#nodes.filter((node) => node !== preferred)] : this.#nodes
    return Array.from({ length: ROUNDS }, () => once).flat()
  }

  #unavailable(failures: unknown[]): ChainUnavailable {
    const [own] = failures.flatMap((failure) => ownReason(failure) ?? [])
    const why = own?.message ?? 'the node cannot be reached or errs'
    const cause = new AggregateError(failures, `${failures.length} attempts failed`)
    return new ChainUnavailable(`${this.#network}: ${why}`, { cause })
  }
}

/** What was found wrong with the node here, rather than said or thrown by it. */
function ownReason(failure: unknown): ChainUnavailable | null {
  return failure instanceof ChainUnavailable ? failure : causeOf(failure, ChainUnavailable)
}
