import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { encodeFunctionData, erc20Abi } from 'viem'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import type { RelayerSettings, ServedNetwork } from '../../src/server.ts'
import type { Times } from '../../src/use-cases/app.ts'
import { type Deployed, startAnvil, type TestChain } from '../support/anvil.ts'
import {
  type Answer,
  asking,
  chainNetwork,
  eventually,
  newParties,
  type Parties,
  receiptsOf,
  redeem,
  startTestServer,
  type TestServer,
  token,
  withToken,
} from '../support/server.ts'

export const NETWORK = 'polygon'

/** Blocks until a payment is settled. */
export const CONFIRMATIONS = 3

/** What the payer starts with, in units of the token. */
export const PAYER_UNITS = 1_000_000_000n

/** A transfer that has not been sent: what it is of, and what sets it apart from the usual one. */
export type Order = {
  units: bigint
  to: Hex
  token?: Hex
  /** Index of the account that sends. */
  sender?: number
  nonce?: number
  /** Wei a unit of gas. */
  gasPrice?: bigint
  chainId?: number
}

/** What a receipt names beside its payment. */
type Proof = { transactionHash?: string; signedTransaction?: string; signature?: string }

/** A chain whose blocks come by `mine` only, a token on it, a server that watches it, a payer and a payee. */
export type Shop = Awaited<ReturnType<typeof openShop>>

export type ShopOptions = {
  times?: Partial<Times>
  confirmations?: number
  /** Where the server looks for its node, given where the node is. */
  rpcUrls?: (rpcUrl: string) => string[] | Promise<string[]>
  /** What else the chain holds before the server starts. */
  prepare?: (chain: TestChain) => Promise<void>
  /** Changes to the network as the server knows it. */
  served?: (network: ServedNetwork, chain: TestChain) => ServedNetwork | ServedNetwork[]
  relayer?: RelayerSettings
}

/** A block comes soon or it does not come at all: nobody waits long for it. */
const TIMES: Partial<Times> = { resolveWaitMs: 700, unknownGraceMs: 0, dropGraceMs: 60_000 }

export async function openShop(options: ShopOptions = {}) {
  const chain = await startAnvil({ automine: false })
  const plain = await chain.deploy('PlainToken', [10n ** 15n])
  await mineTransfer(chain, plain.address, payerOf(chain), PAYER_UNITS)
  await options.prepare?.(chain)
  const eurc = token(NETWORK, 'EURC', plain.address, 6)
  const network = chainNetwork({
    name: NETWORK,
    chainId: chain.chainId,
    rpcUrls: (await options.rpcUrls?.(chain.rpcUrl)) ?? [chain.rpcUrl],
    currencies: [eurc],
    confirmations: options.confirmations ?? CONFIRMATIONS,
  })
  const server = await startTestServer({
    networks: [options.served?.(network, chain) ?? network].flat(),
    times: { ...TIMES, ...options.times },
    ...(options.relayer && { relayer: options.relayer }),
  })
  const parties = await newParties(server.url, { payers: [payerOf(chain)] })
  return { chain, plain, eurc, ...actionsOf(chain, plain, eurc, server, parties) }
}

function payerOf(chain: TestChain): Hex {
  return accountOf(chain, 1).address
}

function accountOf(chain: TestChain, index: number) {
  const account = chain.accounts[index]
  assert.ok(account)
  return account
}

export async function mineTransfer(chain: TestChain, address: Hex, to: Hex, units: bigint): Promise<void> {
  await chain.client.writeContract({
    account: accountOf(chain, 0),
    abi: erc20Abi,
    address,
    functionName: 'transfer',
    args: [to, units],
  })
  await chain.client.mine({ blocks: 1 })
}

function actionsOf(chain: TestChain, plain: Deployed, eurc: Currency, first: TestServer, firstParties: Parties) {
  let server = first
  let parties = firstParties
  const { client } = chain

  /** The voucher as the payer sees it. */
  const look = async (id: string, { payer } = parties): Promise<VoucherView> =>
    (await payer.get<VoucherView>(`/vouchers/${id}`)).body

  const resolve = (voucher: VoucherView, proof: Proof, headers: Record<string, string> = {}, { payer } = parties) =>
    payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher, proof), headers)

  /** The types of a voucher's events, oldest first. */
  const events = async (id: string): Promise<string[]> => {
    const rows = await server.app.store.events(null, 100_000)
    return rows.filter(({ event }) => event.subjectId === id).map(({ event }) => event.type)
  }

  const sender = (index = 1) => accountOf(chain, index)

  const contractCall = (to: Hex, data: Hex, index = 1): Promise<Hex> =>
    client.sendTransaction({ account: sender(index), to, data, gas: 500_000n })

  return {
    get server() {
      return server
    },
    get parties() {
      return parties
    },
    client,
    look,
    resolve,
    events,
    sender,
    contractCall,
    payerAddress: payerOf(chain),

    /** Another payer and payee; the payer pays from the account of this index. */
    partiesOf: (index: number): Promise<Parties> => newParties(server.url, { payers: [sender(index).address] }),

    /** An address that nobody else is paid at. */
    newRecipient: (): Hex => `0x${randomBytes(20).toString('hex')}`,

    /** Asks for whole units of the token. */
    ask: (units: bigint, to: Hex, of = parties): Promise<VoucherView> => redeem(of, asking(decimal(units), eurc, to)),

    askFor: (terms: unknown): Promise<VoucherView> => redeem(parties, terms),

    /** Sends a transfer; it waits in the pool for `mine`. */
    send: async (order: Order): Promise<Hex> =>
      client.sendTransaction({ account: sender(order.sender), gas: 100_000n, ...callOf(order, plain.address) }),

    sign: async (order: Order): Promise<Hex> =>
      signed(chain, order.sender ?? 1, { ...callOf(order, plain.address), chainId: order.chainId }),

    mine: (blocks = 1) => client.mine({ blocks }),

    balance: (holder: Hex, address: Hex = plain.address) => chain.tokenBalance(address, holder),

    /** Looks at the voucher until it is as the test wants it. */
    until: (id: string, wanted: (voucher: VoucherView) => boolean, patienceMs?: number): Promise<VoucherView> =>
      eventually(async () => {
        const voucher = await look(id)
        return wanted(voucher) && voucher
      }, patienceMs),

    /** Mines until the settlement is CONFIRMED. */
    confirm: async (id: string): Promise<VoucherView> => {
      await client.mine({ blocks: CONFIRMATIONS })
      return eventually(async () => {
        const voucher = await look(id)
        return voucher.settlement?.status === 'CONFIRMED' && voucher
      })
    },

    restart: async () => {
      server = await server.restart()
      const { payerToken, payeeToken, context } = parties
      parties = {
        ...{ payerToken, payeeToken, context },
        payer: withToken(server.url, payerToken),
        payee: withToken(server.url, payeeToken),
      }
    },

    stop: async () => {
      await server.stop()
      await chain.stop()
    },
  }
}

/** Token units with 6 decimals, as the API writes them. */
export function decimal(units: bigint): string {
  const digits = units.toString().padStart(7, '0')
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`
}

export function transferData(to: Hex, units: bigint): Hex {
  return encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, units] })
}

function callOf({ units, to, token: address, nonce, gasPrice }: Order, plain: Hex) {
  return { to: address ?? plain, data: transferData(to, units), nonce, gasPrice }
}

type Unsigned = { to: Hex; data?: Hex; value?: bigint; nonce?: number; gasPrice?: bigint; chainId?: number }

/** Signs a transaction without sending it. */
export async function signed(chain: TestChain, index: number, unsigned: Unsigned): Promise<Hex> {
  const account = accountOf(chain, index)
  const nonce =
    unsigned.nonce ?? (await chain.client.getTransactionCount({ address: account.address, blockTag: 'pending' }))
  const { to, data, value, gasPrice = 2_000_000_000n, chainId = chain.chainId } = unsigned
  return account.signTransaction({ type: 'legacy', chainId, gas: 100_000n, to, data, value, nonce, gasPrice })
}

/** Takes blocks back and puts others in their place, with these raw transactions in the given ones of them (0 is the lowest). */
export async function reorg(
  chain: TestChain,
  depth: number,
  comeBack: [raw: Hex, block: number][] = [],
): Promise<void> {
  await chain.client.request<{ Method: 'anvil_reorg'; Parameters: [number, [Hex, number][]]; ReturnType: null }>({
    method: 'anvil_reorg',
    params: [depth, comeBack],
  })
}

/** Asserts a `receipt_rejected` whose detail says which check failed, and that the voucher can still be paid. */
export async function assertRejected(
  shop: Shop,
  voucher: VoucherView,
  answer: Answer<VoucherView>,
  detail: RegExp,
  parties?: Parties,
) {
  assert.deepEqual([answer.status, answer.body.code], [400, 'receipt_rejected'], JSON.stringify(answer.body))
  assert.match(answer.body.detail ?? '', detail)
  const after = await shop.look(voucher.id, parties)
  assert.equal(after.status, 'REDEEMED')
  assert.notEqual(after.settlement?.status, 'PENDING')
}
