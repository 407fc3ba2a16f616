import { BroadcastRefused, ChainUnavailable } from '../chain.ts'
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
   * Asks one node after the other until one answers.
   * @throws ChainUnavailable when none does; BroadcastRefused as the node gave it
   */
  async ask<Answer>(question: (node: RpcNode) => Promise<Answer>): Promise<Answer> {
    const failures: unknown[] = []
    for (const node of this.#order()) {
      try {
        await node.assertRightChain()
        const answer = await question(node)
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
    const own = failures.find((failure) => failure instanceof ChainUnavailable)
    const why = own instanceof ChainUnavailable ? own.message : 'the node cannot be reached or errs'
    const cause = new AggregateError(failures, `${failures.length} attempts failed`)
    return new ChainUnavailable(`${this.#network}: ${why}`, { cause })
  }
}
