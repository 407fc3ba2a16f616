import { erc20Abi, keccak256 } from 'viem'
import type { Currency } from '../src/domain/currency.ts'
import type { Hex } from '../src/domain/payment.ts'
import type { VoucherView } from '../src/protocol/schemas.ts'
import { signed, transferData } from '../test/settlement/shop.ts'
import { startAnvil, type TestChain } from '../test/support/anvil.ts'
import { asking, newParties, type Parties, redeem, token, type Where } from '../test/support/server.ts'
import type { Random } from './random.ts'
import type { Trial } from './scenario.ts'

/** The network as the nodes know it. */
export const LOCAL = 'local'
const TOKEN_SUPPLY = 10n ** 15n

/** A payment that a voucher asks for, and the only one that its recipient is to get. */
export type Purchase = { voucher: VoucherView; recipient: Hex; units: bigint }

/** A chain of its own whose blocks come when they are asked for, and a token on it, all of it in one hand. */
export class Market {
  readonly chain: TestChain
  readonly currency: Currency
  readonly purchases: Purchase[] = []
  readonly #token: Hex

  static async open(trial: Trial): Promise<Market> {
    const chain = await startAnvil({ automine: false })
    trial.defer(() => chain.stop())
    const { address } = await chain.deploy('PlainToken', [TOKEN_SUPPLY])
    return new Market(chain, address)
  }

  private constructor(chain: TestChain, address: Hex) {
    this.chain = chain
    this.#token = address
    this.currency = token(LOCAL, 'EURC', address, 6)
  }

  /** As a config file names it. */
  network(rpcUrl: string, confirmations: number): object {
    return {
      ...{ name: LOCAL, chainId: this.chain.chainId, rpcUrls: [rpcUrl], confirmations },
      nativeCurrency: { symbol: 'COIN', decimals: 18 },
      currencies: [{ symbol: 'EURC', address: this.#token.toLowerCase(), decimals: 6 }],
      ...{ pollInterval: '100ms', maxHeadAge: 'none' },
    }
  }

  /** A payer who pays from the account that has all the tokens, and a payee. */
  newParties(where: Where): Promise<Parties> {
    return newParties(where, { payers: [this.#payer().address] })
  }

  /** Asks for a little at an address that nobody else is paid at. */
  async ask(parties: Parties, random: Random): Promise<Purchase> {
    const recipient: Hex = `0x${random
      .between(2 ** 40, 2 ** 47)
      .toString(16)
      .padStart(40, 'b')}`
    return this.askAt(parties, recipient, BigInt(random.between(1, 900_000)))
  }

  async askAt(parties: Parties, recipient: Hex, units: bigint): Promise<Purchase> {
    const amount = `0.${units.toString().padStart(6, '0')}`
    const voucher = await redeem(parties, asking(amount, this.currency, recipient))
    if (voucher.status !== 'REDEEMED') throw new Error(`nothing was redeemed: ${JSON.stringify(voucher)}`)
    const purchase = { voucher, recipient, units }
    this.purchases.push(purchase)
    return purchase
  }

  /** The transaction that pays, signed and not sent. */
  sign({ recipient, units }: Purchase): Promise<Hex> {
    return signed(this.chain, 0, { to: this.#token, data: transferData(recipient, units) })
  }

  async send(raw: Hex): Promise<Hex> {
    return this.chain.client.sendRawTransaction({ serializedTransaction: raw })
  }

  /** Whether the chain has heard of a signed transaction. */
  async knows(raw: Hex): Promise<boolean> {
    return this.chain.client.getTransaction({ hash: keccak256(raw) }).then(
      () => true,
      () => false,
    )
  }

  /** The nonce of the next payment. */
  nonce(): Promise<number> {
    return this.chain.client.getTransactionCount({ address: this.#payer().address, blockTag: 'pending' })
  }

  async mine(blocks: number): Promise<void> {
    await this.chain.client.mine({ blocks })
  }

  /** What an address has been paid, in units of the token. */
  paid(holder: Hex): Promise<bigint> {
    return this.chain.client.readContract({
      abi: erc20Abi,
      address: this.#token,
      functionName: 'balanceOf',
      args: [holder],
    })
  }

  #payer() {
    const [account] = this.chain.accounts
    if (account === undefined) throw new Error('the chain has no accounts')
    return account
  }
}
