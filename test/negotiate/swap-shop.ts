import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { HDAccount } from 'viem/accounts'
import type { Currency } from '../../src/domain/currency.ts'
import type { Hex } from '../../src/domain/payment.ts'
import { sandboxNetwork, servedNetwork } from '../../src/networks.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import type { ServedNetwork } from '../../src/server.ts'
import type { SwapPolicy } from '../../src/use-cases/app.ts'
import { devAccount } from '../support/anvil.ts'
import { type ExchangeChain, startExchange } from '../support/exchange.ts'
import {
  type Answer,
  asking,
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

/** @param served changes to the network as the server knows it */
export async function openSwapShop(
  options: {
    swaps?: Partial<SwapPolicy>
    served?: (network: ServedNetwork, chain: ExchangeChain) => ServedNetwork | Promise<ServedNetwork>
  } = {},
) {
  const chain = await startExchange()
  const network = servedOn(chain.rpcUrl)
  const server = await startTestServer({
    networks: [(await options.served?.(network, chain)) ?? network],
    times: { resolveWaitMs: 2_000, unknownGraceMs: 0 },
    swaps: options.swaps ?? {},
  })
  const payer = devAccount(2)
  const parties = await newParties(server.url, { payers: [payer.address] })
  return { chain, server, payer, parties, ...actionsOf(chain, server, parties, payer) }
}

function servedOn(rpcUrl: string): ServedNetwork {
  return { ...servedNetwork(sandboxNetwork({ rpcUrl })), confirmations: 1, pollIntervalMs: 50 }
}

function actionsOf(chain: ExchangeChain, server: TestServer, parties: Parties, account: HDAccount) {
  const { client } = chain

  const negotiate = (id: string, currency: Currency, more: Record<string, unknown> = {}) =>
    parties.payer.post<VoucherView>(`/vouchers/${id}/negotiate-voucher`, {
      suppliedPayment: {
        ...{ network: currency.network, currency: currency.symbol, currencyAddress: currency.address, amount: '1' },
        ...{ wallet: { address: account.address }, ...more },
      },
    })

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
    ask: (amount: string, currency: Currency, to: Hex = `0x${randomBytes(20).toString('hex')}`) =>
      redeem(parties, asking(amount, currency, to)),

    /** A voucher as it is once its payer has chosen another currency. */
    quoted: async ({ id }: VoucherView, currency: Currency): Promise<VoucherView> => {
      const { status, body } = await negotiate(id, currency)
      assert.equal(status, 200, JSON.stringify(body))
      return body
    },

    /** Sends every payment of a voucher, one after the other. */
    sendAll: async ({ payments = [] }: VoucherView) => {
      const receipts: { paymentId: string; transactionHash: Hex }[] = []
      for (const payment of payments) receipts.push({ paymentId: payment.id, transactionHash: await send(payment) })
      return receipts
    },

    resolve: ({ id }: VoucherView, receipts: unknown): Promise<Answer<VoucherView>> =>
      parties.payer.post<VoucherView>(`/vouchers/${id}/resolve-voucher`, { receipts }),

    receiptsOf: (voucher: VoucherView, transactionHash: Hex) => receiptsOf(voucher, { transactionHash }).receipts,

    look: async ({ id }: VoucherView): Promise<VoucherView> =>
      (await parties.payer.get<VoucherView>(`/vouchers/${id}`)).body,

    /** The types of a voucher's events, oldest first. */
    events: async ({ id }: VoucherView): Promise<string[]> => {
      const rows = await server.app.store.events(null, 100_000)
      return rows.filter(({ event }) => event.subjectId === id).map(({ event }) => event.type)
    },

    stop: async () => {
      await server.stop()
      await chain.stop()
    },
  }
}
