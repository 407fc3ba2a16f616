import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  concat,
  encodeFunctionData,
  erc20Abi,
  getAddress,
  hashTypedData,
  parseAbi,
  parseEther,
  parseGwei,
  toHex,
} from 'viem'
import type { HDAccount } from 'viem/accounts'
import type { Hex } from '../../src/domain/payment.ts'
import { endRelay, newRelayQueue, type RelayQueue, spentWei } from '../../src/domain/relay-queue.ts'
import type { SessionResolvedView, VoucherView } from '../../src/protocol/schemas.ts'
import { Conflict } from '../../src/store/store.ts'
import { RELAY_PATIENCE_MS } from '../../src/use-cases/tend-relays.ts'
import { type FaultyNode, startFaultyNode } from '../chains/faulty-node.ts'
import { type Deployed, devAccount, type TestContract } from '../support/anvil.ts'
import {
  asking,
  eventually,
  newParties,
  openSession,
  type Parties,
  receiptsOf,
  redeem,
  startTestServer,
  token,
} from '../support/server.ts'
import { assertRejected, decimal, NETWORK, openShop, PAYER_UNITS, type Shop, transferData } from './shop.ts'
import { alternativeOf, DAILY_CAP_WEI, RELAYER_ACCOUNT, relayerOn, signAlternative } from './signing.ts'

const relayerAddress = RELAYER_ACCOUNT.address
const UNITS = 1_000_000n

const TOKENS = [
  ...(['AuthorizedToken', 'PermitToken', 'LyingToken', 'StrangeDomainToken'] as const),
  ...(['CodeAskingToken', 'CodeAskingPermitToken'] as const),
] as const satisfies TestContract[]
type SignedToken = (typeof TOKENS)[number]

let shop: Shop
let node: FaultyNode
const tokens = new Map<string, Deployed>()

before(async () => {
  shop = await openShop({
    rpcUrls: async (rpcUrl) => {
      node = await startFaultyNode(rpcUrl)
      return [node.url]
    },
    relayer: relayerOn(NETWORK),
    prepare: async (chain) => {
      for (const name of TOKENS) tokens.set(name, await chain.deploy(name, [devAccount(1).address, PAYER_UNITS]))
    },
    served: (network) => ({ ...network, currencies: [...network.currencies, ...TOKENS.map(currency)] }),
  })
})
after(async () => {
  await shop.stop()
  await node.stop()
})

function addressOf(name: SignedToken): Hex {
  const deployed = tokens.get(name)
  assert.ok(deployed)
  return deployed.address
}

const currency = (name: SignedToken) => token(NETWORK, name, addressOf(name), 6)

/** A voucher as the payer reads it, which is to be paid to an address that nobody else is paid at. */
async function askFor(name: SignedToken, units: bigint): Promise<{ id: string; to: Hex }> {
  const to = shop.newRecipient()
  const { id } = await shop.askFor(asking(decimal(units), currency(name), to))
  return { id, to }
}

async function ask(name: SignedToken, units = UNITS): Promise<{ voucher: VoucherView; to: Hex }> {
  const { id, to } = await askFor(name, units)
  // On a slow machine a node's answer can come too late for the first look.
  return { voucher: await shop.until(id, canBeSigned), to }
}

const canBeSigned = ({ payments }: VoucherView) => payments?.[0]?.alternatives !== undefined

const sign = (voucher: VoucherView, signer: HDAccount = shop.sender()) => signAlternative(voucher, signer)

const pooled = () => shop.client.getBlock({ blockTag: 'pending', includeTransactions: true })

/** What the server has written down is broadcast a moment later. */
const inPool = (wanted: Hex) =>
  eventually(async () => (await pooled()).transactions.some(({ hash }) => hash === wanted))

/** Hands the signature in, mines what the relayer sends, and gives the voucher as it is then. */
async function pay(voucher: VoucherView, signature: Hex): Promise<VoucherView> {
  const answering = shop.resolve(voucher, { signature })
  await eventually(async () => (await pooled()).transactions.some(({ from }) => from === relayerAddress.toLowerCase()))
  await shop.mine()
  assert.equal((await answering).status, 200)
  return shop.until(voucher.id, isResolved)
}

/** Hands the signature in while no block comes. */
async function payPending(voucher: VoucherView): Promise<{ signature: Hex; hash: Hex }> {
  const signature = await sign(voucher)
  const { status, body } = await shop.resolve(voucher, { signature })
  assert.deepEqual([status, body.settlement?.status], [200, 'PENDING'], JSON.stringify(body))
  return { signature, hash: hashOf(body) }
}

function hashOf({ settlement }: VoucherView): Hex {
  return (settlement?.transactions[0]?.transactionHash ?? '0x') as Hex
}

const QUEUE_ID = () => `${shop.client.chain.id}:${relayerAddress.toLowerCase()}`
const queue = async (): Promise<RelayQueue> =>
  (await shop.server.app.store.relayQueue(QUEUE_ID())) ?? newRelayQueue(QUEUE_ID())

/** Writes the queue anew, after whatever the server, which looks after it, has written meanwhile. */
const rewriteQueue = (rewrite: (now: RelayQueue) => RelayQueue) =>
  eventually(async () => {
    try {
      await shop.server.app.store.commit({ relayQueues: [rewrite(await queue())] })
      return true
    } catch (error) {
      if (error instanceof Conflict) return false
      throw error
    }
  })

const isResolved = ({ status }: VoucherView) => status === 'RESOLVED'

describe('a signature in the place of a transaction', () => {
  it('pays by EIP-3009, and costs the payer no gas', async () => {
    const payer = shop.payerAddress
    const before = await shop.client.getBalance({ address: payer })
    const { voucher, to } = await ask('AuthorizedToken')
    const alternative = alternativeOf(voucher)
    assert.deepEqual(
      [alternative.type, alternative.from, alternative.validBefore],
      ['eip-3009', payer, voucher.expiresAt],
    )
    const paid = await pay(voucher, await sign(voucher))
    assert.equal(await shop.balance(to, addressOf('AuthorizedToken')), UNITS)
    assert.equal(await shop.client.getBalance({ address: payer }), before)

    await shop.confirm(voucher.id)
    const receipt = await shop.client.getTransactionReceipt({ hash: hashOf(paid) })
    await eventually(async () => (await queue()).relays.length === 0)
    assert.equal(spentWei(await queue(), shop.server.clock.now()), receipt.gasUsed * receipt.effectiveGasPrice)
    const again = await shop.resolve(voucher, { signature: await sign(voucher) })
    assert.equal(again.body.code, 'already_resolved')
  })

  it('pays by EIP-2612, and what was permitted can do nothing else', async () => {
    const { voucher, to } = await ask('PermitToken')
    const alternative = alternativeOf(voucher)
    assert.equal(alternative.type, 'eip-2612')
    await pay(voucher, await sign(voucher))
    assert.equal(await shop.balance(to, addressOf('PermitToken')), UNITS)
    const spender = alternative.typedData.message.spender as Hex
    const allowance = await shop.client.readContract({
      ...{ abi: erc20Abi, address: addressOf('PermitToken'), functionName: 'allowance' },
      args: [shop.payerAddress, spender],
    })
    assert.equal(allowance, 0n)
    const { voucher: next } = await ask('PermitToken')
    assert.equal(alternativeOf(next).typedData.message.nonce, '1')
  })

  it('pays by EIP-2612 although somebody else was quicker to hand in the permit', async () => {
    const { voucher, to } = await ask('PermitToken')
    const { owner, spender, value, deadline } = alternativeOf(voucher).typedData.message
    const signature = await sign(voucher)
    const prepared = await shop.resolve(voucher, { signature })
    assert.equal(prepared.body.settlement?.status, 'PENDING', JSON.stringify(prepared.body))
    await shop.client.writeContract({
      account: shop.sender(5),
      address: addressOf('PermitToken'),
      abi: parseAbi(['function permit(address,address,uint256,uint256,uint8,bytes32,bytes32)']),
      functionName: 'permit',
      args: [
        ...([owner as Hex, spender as Hex, BigInt(value ?? 0), BigInt(deadline ?? 0)] as const),
        ...([
          Number(`0x${signature.slice(130)}`),
          `0x${signature.slice(2, 66)}`,
          `0x${signature.slice(66, 130)}`,
        ] as const),
      ],
      gas: 200_000n,
      maxFeePerGas: parseEther('0.000001'),
      maxPriorityFeePerGas: parseEther('0.000001'),
    })
    await shop.mine()
    await shop.until(voucher.id, isResolved)
    assert.equal(await shop.balance(to, addressOf('PermitToken')), UNITS)
  })

  it('that somebody else was quicker to hand in has paid, and that transaction is the receipt', async () => {
    const { voucher, to } = await ask('AuthorizedToken')
    const namer = await shop.partiesOf(1)
    const theirs = await redeem(namer, asking(decimal(UNITS), currency('AuthorizedToken'), to))
    const { hash, signature } = await payPending(voucher)
    const { to: token, input } = await shop.client.getTransaction({ hash })
    const fee = parseEther('0.000001')
    const quicker = await shop.client.sendTransaction({
      ...{ account: shop.sender(5), to: token, data: input, gas: 200_000n },
      ...{ maxFeePerGas: fee, maxPriorityFeePerGas: fee },
    })
    await shop.mine()
    const failed = await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'FAILED')
    assert.match(failed.settlement?.failure ?? '', /reverted/)
    await assertRejected(shop, voucher, await shop.resolve(voucher, { signature }), /the token would not take it/)
    const stolen = await shop.resolve(theirs, { transactionHash: quicker }, {}, namer)
    await assertRejected(shop, theirs, stolen, /has shown to hold that address/, namer)
    assert.equal((await shop.resolve(voucher, { transactionHash: quicker })).body.status, 'RESOLVED')
    assert.equal(await shop.balance(to, addressOf('AuthorizedToken')), UNITS)
  })

  it('resolves in a session too, and counts there again when the call is repeated', async () => {
    const { payer, payee, context } = shop.parties
    const session = await openSession({ payer, payee, context, payeeToken: '' })
    const { body: reserved } = await payee.post<VoucherView>(`/vouchers/sessions/${session.id}/reserve-voucher`)
    const terms = asking('1', currency('PermitToken'), shop.newRecipient())
    await payee.post(`/vouchers/${reserved.id}/redeem-voucher`, terms)
    const voucher = await shop.look(reserved.id)
    const receipts = receiptsOf(voucher, { signature: await sign(voucher) })
    const resolve = () => payer.post<SessionResolvedView>(`/vouchers/sessions/${session.id}/session-resolve`, receipts)
    await resolve()
    await shop.mine()
    await shop.until(voucher.id, isResolved)
    const { body } = await resolve()
    assert.deepEqual(
      body.results.map((result) => result.voucher?.status),
      ['RESOLVED'],
      JSON.stringify(body),
    )
  })

  it('is offered to nobody but the payer, and not where the token cannot do it', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const { body } = await shop.parties.payee.get<VoucherView>(`/vouchers/${voucher.id}`)
    assert.equal(body.payments?.[0]?.alternatives, undefined)
    const plain = await shop.look((await shop.ask(UNITS, shop.newRecipient())).id)
    assert.equal(plain.payments?.[0]?.alternatives, undefined)
    const { id } = await askFor('StrangeDomainToken', UNITS)
    assert.equal((await shop.look(id)).payments?.[0]?.alternatives, undefined)
  })

  it('is offered from memory while the node is silent, and where it must be asked, the voucher comes without', async () => {
    const byAuthorization = (await ask('AuthorizedToken')).voucher
    const byPermit = (await ask('PermitToken')).voucher
    node.fault = ({ method }) => (method === 'eth_call' ? 'silence' : undefined)
    assert.deepEqual(alternativeOf(await shop.look(byAuthorization.id)), alternativeOf(byAuthorization))
    const { payments } = await shop.look(byPermit.id)
    node.fault = () => undefined
    assert.deepEqual([payments?.length, payments?.[0]?.alternatives], [1, undefined])
  })

  it('is refused where the token lies about what it does', async () => {
    const { voucher } = await ask('LyingToken')
    await assertRejected(
      shop,
      voucher,
      await shop.resolve(voucher, { signature: await sign(voucher) }),
      /would get 0 units/,
    )
  })

  it('counts only for what it was made for, by whom it was made', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const notIts = /not the signature of one of the payer's addresses over the typed data/
    const others = [(await ask('AuthorizedToken')).voucher, (await ask('AuthorizedToken', 2n * UNITS)).voucher]
    const signatures = [await sign(voucher, shop.sender(2)), ...(await Promise.all(others.map((other) => sign(other))))]
    for (const signature of signatures) {
      await assertRejected(shop, voucher, await shop.resolve(voucher, { signature }), notIts)
    }
    const twice = await shop.resolve(voucher, {
      signature: await sign(voucher),
      transactionHash: `0x${'1'.repeat(64)}`,
    })
    assert.deepEqual([twice.body.code, twice.status], ['validation_failed', 400])
  })

  it('is refused where the wallet has too little, or has cancelled it', async () => {
    const { voucher } = await ask('AuthorizedToken', PAYER_UNITS * 2n)
    await assertRejected(
      shop,
      voucher,
      await shop.resolve(voucher, { signature: await sign(voucher) }),
      /has \d+ units/,
    )

    const { voucher: cancelled } = await ask('AuthorizedToken')
    const { typedData } = alternativeOf(cancelled)
    const cancellation = await shop.sender().signTypedData({
      domain: typedData.domain,
      types: {
        CancelAuthorization: [
          { name: 'authorizer', type: 'address' },
          { name: 'nonce', type: 'bytes32' },
        ],
      },
      primaryType: 'CancelAuthorization',
      message: { authorizer: shop.payerAddress, nonce: typedData.message.nonce as Hex },
    })
    await shop.client.writeContract({
      account: shop.sender(5),
      address: addressOf('AuthorizedToken'),
      abi: parseAbi(['function cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)']),
      functionName: 'cancelAuthorization',
      args: [
        ...([shop.payerAddress, typedData.message.nonce as Hex, Number(`0x${cancellation.slice(130)}`)] as const),
        ...([`0x${cancellation.slice(2, 66)}`, `0x${cancellation.slice(66, 130)}`] as const),
      ],
      gas: 200_000n,
    })
    await shop.mine()
    const answer = await shop.resolve(cancelled, { signature: await sign(cancelled) })
    await assertRejected(shop, cancelled, answer, /the token would not take it/)
  })

  it('is refused, and not offered, where nobody relays', async (t) => {
    const { networks } = { networks: [...shop.server.app.networks.values()] }
    assert.equal(networks.length, 1)
    const own = await startTestServer({
      networks: [
        {
          ...{ network: networks[0] ?? assert.fail(), currencies: [currency('AuthorizedToken')] },
          ...{ rpcUrls: [shop.client.transport.url ?? ''], confirmations: 1, pollIntervalMs: 100, maxHeadAgeMs: null },
        },
      ],
    })
    t.after(own.stop)
    const parties = await newParties(own.url, { payers: [shop.payerAddress] })
    const voucher = await redeem(parties, asking('1', currency('AuthorizedToken'), shop.newRecipient()))
    const { body: seen } = await parties.payer.get<VoucherView>(`/vouchers/${voucher.id}`)
    assert.equal(seen.payments?.[0]?.alternatives, undefined)
    const signature = await sign((await ask('AuthorizedToken')).voucher)
    const receipts = { receipts: [{ paymentId: voucher.payments?.[0]?.id, signature }] }
    const { status, body } = await parties.payer.post(`/vouchers/${voucher.id}/resolve-voucher`, receipts)
    assert.deepEqual([status, body.code], [400, 'receipt_rejected'])
    assert.match(body.detail ?? '', /Nobody here carries out signatures/)
  })
})

describe('a signature of an account that runs code', () => {
  /** Indexes of the keys of the four kinds of wallets; of the contract, its owner's. */
  const [PLAIN, MUTE, SPEAKING, OWNER] = [2, 3, 4, 6]
  let contract: Deployed
  let of: Parties
  let names: Map<Hex, string>

  before(async () => {
    const { chain, client } = shop
    const owned = (index: number) => chain.deploy('SignerWallet', [devAccount(index).address])
    contract = await owned(OWNER)
    await delegate(MUTE, (await chain.deploy('SponsoredAccount')).address)
    await delegate(SPEAKING, (await owned(SPEAKING)).address)
    const keys = [PLAIN, MUTE, SPEAKING].map((index) => devAccount(index).address)
    const addresses = [...keys, getAddress(contract.address)]
    for (const name of TOKENS) {
      for (const to of addresses) await shop.contractCall(addressOf(name), transferData(to, 10n * UNITS))
    }
    await client.mine({ blocks: 1 })
    names = new Map(
      addresses.map((address, index) => [address, ['plain', 'mute', 'speaking', 'contract'][index] ?? '']),
    )
    of = await newParties(shop.server.url, { payers: addresses })
  })

  async function delegate(index: number, code: Hex): Promise<void> {
    const account = shop.sender(index)
    const authorizationList = [await shop.client.signAuthorization({ account, contractAddress: code })]
    await shop.client.sendTransaction({
      account: shop.sender(5),
      to: account.address,
      authorizationList,
      gas: 200_000n,
    })
    await shop.client.mine({ blocks: 1 })
  }

  async function askOf(name: SignedToken) {
    const to = shop.newRecipient()
    const { id } = await redeem(of, asking(decimal(UNITS), currency(name), to))
    const voucher = await eventually(async () => {
      const seen = await shop.look(id, of)
      return canBeSigned(seen) && seen
    })
    return { voucher, to }
  }

  const offeredFor = ({ payments }: VoucherView, name: string) =>
    payments?.[0]?.alternatives?.find(({ from }) => names.get(from as Hex) === name) ??
    assert.fail(`nothing is offered to ${name}`)

  async function relay(voucher: VoucherView, signature: Hex): Promise<void> {
    const answering = shop.resolve(voucher, { signature }, {}, of)
    await eventually(async () =>
      (await pooled()).transactions.some(({ from }) => from === relayerAddress.toLowerCase()),
    )
    await shop.mine()
    const { status, body } = await answering
    assert.equal(status, 200, JSON.stringify(body))
    await eventually(async () => isResolved(await shop.look(voucher.id, of)))
  }

  const signedFor = async (voucher: VoucherView) => {
    const stored = await shop.server.app.store.voucher(voucher.id)
    return stored !== null && 'signedBy' in stored ? stored.signedBy : null
  }

  it('is asked for exactly where the token takes it', async () => {
    const offered = async (name: SignedToken) => {
      const { payments } = (await askOf(name)).voucher
      return payments?.[0]?.alternatives?.map(({ from }) => names.get(from as Hex))
    }
    assert.deepEqual(await offered('AuthorizedToken'), ['plain', 'mute', 'speaking'], 'it recovers the key')
    assert.deepEqual(await offered('PermitToken'), ['plain', 'mute', 'speaking'])
    assert.deepEqual(await offered('CodeAskingToken'), ['plain', 'speaking', 'contract'], 'it asks the code')
    assert.deepEqual(await offered('CodeAskingPermitToken'), ['plain', 'mute', 'speaking', 'contract'])
    assert.deepEqual(await offered('LyingToken'), ['plain'], 'nothing is known of what it takes')
  })

  for (const name of ['CodeAskingToken', 'CodeAskingPermitToken'] as const) {
    it(`of a contract pays with a ${name}, and counts for the contract`, async () => {
      const { voucher, to } = await askOf(name)
      const { typedData } = offeredFor(voucher, 'contract')
      const sign = async (index: number) =>
        concat([toHex(1, { size: 65 }), await devAccount(index).signTypedData(typedData)])
      const forged = await shop.resolve(voucher, { signature: await sign(PLAIN) }, {}, of)
      await assertRejected(shop, voucher, forged, /not the signature of one of the payer's addresses/, of)
      await relay(voucher, await sign(OWNER))
      assert.equal(await shop.balance(to, addressOf(name)), UNITS)
      assert.equal(await signedFor(voucher), `eip155:${shop.client.chain.id}:${getAddress(contract.address)}`)

      const { voucher: other, to: next } = await askOf(name)
      const hash = hashTypedData(offeredFor(other, 'contract').typedData)
      await shop.contractCall(
        contract.address,
        encodeFunctionData({ abi: contract.abi, functionName: 'approve', args: [hash] }),
        OWNER,
      )
      await shop.mine()
      await relay(other, '0x')
      assert.equal(await shop.balance(next, addressOf(name)), UNITS, 'its owner had approved it')
    })
  }

  it('of a key that delegates pays where the token asks the key, and where its code speaks for it', async () => {
    const ways = [
      ['AuthorizedToken', 'mute', MUTE],
      ['CodeAskingPermitToken', 'mute', MUTE],
      ['CodeAskingToken', 'speaking', SPEAKING],
    ] as const
    for (const [name, wallet, index] of ways) {
      const { voucher, to } = await askOf(name)
      const { address, signTypedData } = devAccount(index)
      await relay(voucher, await signTypedData(offeredFor(voucher, wallet).typedData))
      assert.equal(await shop.balance(to, addressOf(name)), UNITS)
      assert.equal(await signedFor(voucher), address)
    }
  })
})

describe('a relayer', () => {
  it('shows in the metrics what it has and spends', async () => {
    const text = await (await fetch(`${shop.server.url}/metrics`)).text()
    const gauge = (name: string) =>
      Number(new RegExp(`^sixpence_${name}\\{network="${NETWORK}"\\} (.+)$`, 'm').exec(text)?.[1])
    assert.equal(gauge('relayer_daily_cap'), 1)
    assert.ok(gauge('relayer_spent') > 0 && gauge('relayer_spent') < 0.1, `${gauge('relayer_spent')}`)
    assert.ok(gauge('relayer_balance') > 9999 && gauge('relays') >= 0)
  })

  it('that cannot pay for gas refuses, and the payer may come back', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const signature = await sign(voucher)
    const balance = await shop.client.getBalance({ address: relayerAddress })
    await shop.client.setBalance({ address: relayerAddress, value: 1n })
    const refused = await shop.resolve(voucher, { signature })
    assert.deepEqual([refused.status, refused.body.code], [503, 'overloaded'], JSON.stringify(refused.body))
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    await shop.client.setBalance({ address: relayerAddress, value: balance })
    await pay(voucher, signature)
  })

  it('that has spent its daily cap refuses until the day is over', async () => {
    const anHourAgoMs = shop.server.clock.now() - 60 * 60 * 1000
    await rewriteQueue((now) => endRelay(now, -1, DAILY_CAP_WEI, anHourAgoMs))
    const { voucher } = await ask('AuthorizedToken')
    const signature = await sign(voucher)
    const refused = await shop.resolve(voucher, { signature })
    assert.deepEqual([refused.status, refused.body.code], [503, 'overloaded'])
    assert.match(refused.body.detail ?? '', /daily limit/)
    await rewriteQueue((now) => ({ ...now, version: now.version + 1, spent: [] }))
    await pay(voucher, signature)
  })

  it('broadcasts again what the node has lost', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const { hash } = await payPending(voucher)
    await shop.client.dropTransaction({ hash })
    await inPool(hash)
    await shop.mine()
    await shop.until(voucher.id, isResolved)
  })

  it('outbids itself where its transaction is stuck', async () => {
    const { voucher, to } = await ask('AuthorizedToken')
    const { hash } = await payPending(voucher)
    await shop.client.setNextBlockBaseFeePerGas({ baseFeePerGas: parseGwei('100') })
    await shop.mine()
    assert.equal((await shop.look(voucher.id)).status, 'REDEEMED')
    shop.server.clock.advance(RELAY_PATIENCE_MS)
    const outbid = await shop.until(voucher.id, (seen) => hashOf(seen) !== hash)
    await inPool(hashOf(outbid))
    await shop.mine()
    await shop.until(voucher.id, isResolved)
    assert.equal(await shop.balance(to, addressOf('AuthorizedToken')), UNITS)
    assert.equal((await shop.client.getTransactionReceipt({ hash: hashOf(outbid) })).status, 'success')
  })

  it('fills the gap that somebody else left with its key', async () => {
    const outside = await shop.client.sendTransaction({
      account: RELAYER_ACCOUNT,
      to: relayerAddress,
      gas: 21_000n,
    })
    const { voucher } = await ask('AuthorizedToken')
    await payPending(voucher)
    await shop.client.dropTransaction({ hash: outside })
    await shop.mine()
    assert.equal((await shop.look(voucher.id)).status, 'REDEEMED')
    shop.server.clock.advance(RELAY_PATIENCE_MS)
    await eventually(async () => {
      await shop.mine()
      return isResolved(await shop.look(voucher.id))
    })
    await eventually(async () => {
      await shop.mine()
      return (await queue()).relays.length === 0
    })
  })

  it('whose nonce somebody else took says so, and takes the same signature again', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const { signature, hash } = await payPending(voucher)
    const { nonce, maxFeePerGas = 0n } = await shop.client.getTransaction({ hash })
    const more = maxFeePerGas * 2n
    await shop.client.sendTransaction({
      ...{ account: RELAYER_ACCOUNT, to: relayerAddress, gas: 21_000n, nonce },
      ...{ maxFeePerGas: more, maxPriorityFeePerGas: more },
    })
    await shop.mine()
    const failed = await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'FAILED')
    assert.match(failed.settlement?.failure ?? '', /was used by transaction 0x/)
    await pay(await shop.look(voucher.id), signature)
  })

  it('carries nothing out that ends before its block can come, and cancels what has ended', async () => {
    const { voucher } = await ask('AuthorizedToken')
    const { hash } = await payPending(voucher)
    const { voucher: late } = await ask('AuthorizedToken')
    const signature = await sign(late)
    shop.server.clock.advance(9 * 60_000 + 45_000)
    await assertRejected(shop, late, await shop.resolve(late, { signature }), /ends too soon/)
    shop.server.clock.advance(15_000)
    await eventually(async () => (await queue()).relays.some(({ isCancelled }) => isCancelled))
    await eventually(async () =>
      (await pooled()).transactions.some((transaction) => transaction.to === relayerAddress.toLowerCase()),
    )
    await shop.mine()
    await shop.until(voucher.id, ({ settlement }) => settlement?.status === 'FAILED')
    await assert.rejects(shop.client.getTransactionReceipt({ hash }))
  })
})
