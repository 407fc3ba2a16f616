import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { erc20Abi, getAddress } from 'viem'
import type { HDAccount } from 'viem/accounts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import type { Quote } from '../../src/domain/quote.ts'
import { hasTerms } from '../../src/domain/voucher.ts'
import { sandboxNetwork, servedNetwork } from '../../src/networks.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { SANDBOX_EXCHANGE } from '../../src/sandbox/facts.ts'
import type { ServedNetwork } from '../../src/server.ts'
import type { SwapPolicy, Times } from '../../src/use-cases/app.ts'
import { devAccount } from '../support/anvil.ts'
import { type ExchangeChain, startExchange, succeed } from '../support/exchange.ts'
import {
  type Answer,
  asking,
  eventually,
  newParties,
  type Parties,
  receiptsOf,
  redeem,
  startTestServer,
  type TestServer,
} from '../support/server.ts'

type Payment = NonNullable<VoucherView['payments']>[number]

/** A chain with the exchange of the sandbox, a server on it, a payer and a payee. */
export type SwapShop = Awaited<ReturnType<typeof openSwapShop>>

/** @param options `served`: changes to the network as the server knows it */
export async function openSwapShop(
  options: {
    swaps?: Partial<SwapPolicy>
    times?: Partial<Times>
    served?: (network: ServedNetwork, chain: ExchangeChain) => ServedNetwork | Promise<ServedNetwork>
  } = {},
) {
  const chain = await startExchange()
  const network = servedOn(chain.rpcUrl)
  let server = await startTestServer({
    networks: [(await options.served?.(network, chain)) ?? network],
    // Time passes in these tests, and a block comes soon or not at all.
    times: { resolveWaitMs: 700, unknownGraceMs: 0, contextTtlMs: 24 * 60 * 60_000, ...options.times },
    swaps: options.swaps ?? {},
  })
  const payer = devAccount(2)
  const parties = await newParties(server.url, { payers: [payer.address] })
  return {
    ...{ chain, server, payer, parties, ...actionsOf(chain, server, parties, payer) },
    /** Starts the server again on what it has stored. @returns where it is now */
    restart: async (): Promise<string> => {
      server = await server.restart()
      return server.url
    },
    stop: async () => {
      await server.stop()
      await chain.stop()
    },
  }
}

function servedOn(rpcUrl: string): ServedNetwork {
  return { ...servedNetwork(sandboxNetwork({ rpcUrl })), confirmations: 1, pollIntervalMs: 50 }
}

function actionsOf(chain: ExchangeChain, server: TestServer, parties: Parties, account: HDAccount) {
  const { client } = chain
  let blocksCome = true

  const negotiate = (
    id: string,
    { network, symbol, address }: Currency,
    more: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ) => {
    const wallet = { address: account.address }
    const suppliedPayment = { network, currency: symbol, currencyAddress: address, amount: '1', wallet, ...more }
    return parties.payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, { suppliedPayment }, headers)
  }

  /** Signs and sends one payment as it stands. */
  const send = ({ input }: Payment, from = account): Promise<Hex> =>
    client.sendTransaction({
      ...{ account: from, to: input.to as Hex, data: input.data as Hex, value: BigInt(input.value), gas: 1_000_000n },
    })

  const balance = ({ address }: Pick<Currency, 'address'>, holder: Hex): Promise<bigint> =>
    address === '' ? client.getBalance({ address: holder }) : chain.tokenBalance(address, holder)

  return {
    negotiate,
    send,
    balance,
    newRecipient: (): Hex => `0x${randomBytes(20).toString('hex')}`,

    /** Asks for whole units of a currency, to go to a new address unless one is named. */
    ask: (amount: string, currency: Currency, to: Hex = `0x${randomBytes(20).toString('hex')}`, of = parties) =>
      redeem(of, asking(amount, currency, to)),

    /** A voucher as it is once its payer has chosen another currency. */
    quoted: async ({ id }: VoucherView, currency: Currency): Promise<VoucherView> => {
      const { status, body } = await negotiate(id, currency)
      assert.equal(status, 200, JSON.stringify(body))
      return body
    },

    /** Sends every payment of a voucher, one after the other; where blocks come by themselves, each is mined then. */
    sendAll: async ({ payments = [] }: VoucherView) => {
      const receipts: { paymentId: string; transactionHash: Hex }[] = []
      for (const payment of payments) {
        const hash = await send(payment)
        if (blocksCome) await client.waitForTransactionReceipt({ hash })
        receipts.push({ paymentId: payment.id, transactionHash: hash })
      }
      return receipts
    },

    resolve: ({ id }: VoucherView, receipts: unknown): Promise<Answer<VoucherView>> =>
      parties.payer.post<VoucherView>(`/vouchers/${id}/resolve-voucher`, { receipts }),

    receiptsOf: (voucher: VoucherView, transactionHash: Hex) => receiptsOf(voucher, { transactionHash }).receipts,

    addressOf: (text: string | undefined): Hex => getAddress(text ?? ''),

    /** Has the payer let the exchange take so much of a token, by its own choice. */
    allow: async (token: Hex, units: bigint): Promise<Hex> => {
      const args = [SANDBOX_EXCHANGE.router, units] as const
      const hash = await client.writeContract({ account, abi: erc20Abi, address: token, functionName: 'approve', args })
      await succeed(chain, hash)
      return hash
    },

    /** The swap that a quote asks for: the last of its payments. */
    swapOf: ({ payments = [] }: VoucherView): Payment => {
      const swap = payments.at(-1)
      assert.ok(swap)
      return swap
    },

    /** The quotes of a voucher as they are stored, the oldest first. */
    quotesOf: async ({ id }: VoucherView): Promise<Quote[]> => {
      const voucher = await server.app.store.voucher(id)
      assert.ok(voucher && hasTerms(voucher))
      return voucher.quotes ?? []
    },

    /** What a transaction costs, whatever it does. */
    gasOf: async (hash: Hex): Promise<bigint> => {
      const { gasUsed, effectiveGasPrice } = await client.waitForTransactionReceipt({ hash })
      return gasUsed * effectiveGasPrice
    },

    /** Lets time pass, for the server and on the chain. */
    pass: async (seconds: number): Promise<void> => {
      server.clock.advance(seconds * 1000)
      await client.increaseTime({ seconds })
    },

    /** Meanwhile no block comes by itself. One does in the end. */
    withoutBlocks: async (act: () => Promise<void>): Promise<void> => {
      await client.setAutomine(false)
      blocksCome = false
      try {
        await act()
      } finally {
        await client.setAutomine(true)
        blocksCome = true
        await client.mine({ blocks: 1 })
      }
    },

    /** Looks at the voucher until it is as the test wants it. */
    until: ({ id }: VoucherView, wanted: (voucher: VoucherView) => boolean): Promise<VoucherView> =>
      eventually(async () => {
        const { body } = await parties.payer.get<VoucherView>(`/vouchers/${id}`)
        return wanted(body) && body
      }),

    look: async ({ id }: VoucherView): Promise<VoucherView> =>
      (await parties.payer.get<VoucherView>(`/vouchers/${id}`)).body,

    /** The types of a voucher's events, oldest first. */
    events: async ({ id }: VoucherView): Promise<string[]> => {
      const rows = await server.app.store.events(null, 100_000)
      return rows.filter(({ event }) => event.subjectId === id).map(({ event }) => event.type)
    },
  }
}
