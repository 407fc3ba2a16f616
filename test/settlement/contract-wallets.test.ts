import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  concat,
  encodeDeployData,
  encodeFunctionData,
  getCreate2Address,
  hashMessage,
  serializeErc6492Signature,
  toHex,
} from 'viem'
import type { Hex } from '../../src/domain/payment.ts'
import type { ContextView, VoucherReviewView, VoucherView } from '../../src/protocol/schemas.ts'
import { assertInvalidFields, assertProblem, ok } from '../http/problems.ts'
import { compiledContract, type Deployed, devAccount, startAnvil, type TestChain } from '../support/anvil.ts'
import {
  asking,
  chainNetwork,
  newContext,
  newPayer,
  receiptsOf,
  redeem,
  type Scene,
  type TestCaller,
  withToken,
} from '../support/server.ts'
import { decimal, mineTransfer, openShop, PAYER_UNITS, type Shop, transferData } from './shop.ts'
import { type Signer, walletSignIn } from './signing.ts'

const UNITS = 1_000n
const UNSHOWN = /is a contract, and nothing shows .*sign-voucher.* hand in the receipt again/
const DEPLOYER = devAccount(0)
const OWNER = devAccount(1)
const THIEF = devAccount(2)

/** Deploys what it is given at an address that follows from it (CREATE2); every development chain has it. */
const FACTORY = '0x4e59b44847b379578588920cA78FbF26c0B4956C'

let shop: Shop
/** The chain of the shop, and another one that the server has enabled. */
let chainId: number
let elsewhere: TestChain
/** The owner's on the chain of the shop. Elsewhere the contract at its address is the thief's. */
let wallet: Deployed

before(async () => {
  elsewhere = await startAnvil({ chainId: 31_339 })
  shop = await openShop({
    prepare: async (chain) => {
      const nonce = await chain.client.getTransactionCount(DEPLOYER)
      wallet = await chain.deploy('SignerWallet', [OWNER.address])
      await elsewhere.client.setNonce({ address: DEPLOYER.address, nonce })
      assert.equal((await elsewhere.deploy('SignerWallet', [THIEF.address])).address, wallet.address)
    },
    served: (network) => {
      const { chainId: otherId, rpcUrl } = elsewhere
      return [network, chainNetwork({ name: 'elsewhere', chainId: otherId, rpcUrls: [rpcUrl], currencies: [] })]
    },
  })
  chainId = shop.chain.chainId
  await mineTransfer(shop.chain, shop.plain.address, wallet.address, PAYER_UNITS)
})
after(async () => {
  await shop.stop()
  await elsewhere.stop()
})

/** An address that somebody signs for. */
const by = ({ signMessage }: Signer, address = wallet.address): Signer => ({ address, signMessage })

const signIn = (signer: Signer, chain: number) => walletSignIn(shop.server, signer, chain)

async function signedIn(signer: Signer, chain: number): Promise<TestCaller> {
  return withToken(shop.server.url, ok(await signIn(signer, chain)).authorization.token)
}

/** Opens a context for the wallet, by which its payer is known again. */
const sceneOf = (payer: TestCaller) => newContext(shop.server.url, payer, { payers: [wallet.address] })

const look = (payer: TestCaller, { context }: Scene) => payer.get<ContextView>(`/vouchers/contexts/${context.id}`)

const ask = (of: Scene, to: Hex) => redeem(of, asking(decimal(UNITS), shop.eurc, to))

const resolve = ({ payer }: Scene, voucher: VoucherView, transactionHash: Hex) =>
  payer.post<VoucherView>(`/vouchers/${voucher.id}/resolve-voucher`, receiptsOf(voucher, { transactionHash }))

/** The owner has the wallet pay. */
async function pay(to: Hex): Promise<Hex> {
  const args = [shop.plain.address, transferData(to, UNITS)]
  const data = encodeFunctionData({ abi: wallet.abi, functionName: 'execute', args })
  const hash = await shop.contractCall(wallet.address, data)
  await shop.mine()
  return hash
}

/** @param signature what the wallet is to have signed the terms with */
function signTerms({ payer }: Scene, { id }: VoucherView, signature: Hex, publicKey = wallet.address) {
  return payer.post<VoucherView>(`/vouchers/${id}/sign-voucher`, { publicKey, signature })
}

const sign = async (of: Scene, voucher: VoucherView, { signMessage }: Signer) =>
  signTerms(of, voucher, await signMessage({ message: voucher.signingMessage ?? '' }))

/** The owner approves a text on the chain; then the empty signature is the wallet's. */
async function approve(message: string): Promise<Hex> {
  const data = encodeFunctionData({ abi: wallet.abi, functionName: 'approve', args: [hashMessage(message)] })
  await shop.contractCall(wallet.address, data)
  await shop.mine()
  return '0x'
}

describe('a contract wallet', () => {
  it('signs in on the chain that its message names, and its account is of that chain', async () => {
    const owned = await sceneOf(await signedIn(by(OWNER), chainId))
    ok(await look(await signedIn(by(OWNER), chainId), owned))

    assertProblem(await signIn(by(THIEF), chainId), 'invalid_credentials')
    assertProblem(await signIn(by(OWNER), elsewhere.chainId), 'invalid_credentials')
    const thief = await signedIn(by(THIEF), elsewhere.chainId)
    assertProblem(await look(thief, owned), 'not_found')
  })

  it('has one account before and after it is deployed', async () => {
    const { abi, bytecode } = await compiledContract('SignerWallet')
    const code = encodeDeployData({ abi, bytecode, args: [OWNER.address] })
    const salt = toHex(1, { size: 32 })
    const address = getCreate2Address({ from: FACTORY, salt, bytecode: code })
    const data = concat([salt, code])
    const undeployed = ({ signMessage }: Signer): Signer => ({
      address,
      signMessage: async (input) =>
        serializeErc6492Signature({ address: FACTORY, data, signature: await signMessage(input) }),
    })
    assertProblem(await signIn(undeployed(THIEF), chainId), 'invalid_credentials')
    const owned = await sceneOf(await signedIn(undeployed(OWNER), chainId))
    assertProblem(await look(await signedIn(undeployed(OWNER), elsewhere.chainId), owned), 'not_found')

    assertProblem(await signIn(by(OWNER, address), chainId), 'invalid_credentials')
    await shop.client.sendTransaction({ account: DEPLOYER, to: FACTORY, data, gas: 3_000_000n })
    await shop.mine()
    ok(await look(await signedIn(by(OWNER, address), chainId), owned))
    ok(await look(await signedIn(undeployed(OWNER), chainId), owned))
  })

  it('signs with what its contract takes: long signatures, those of undeployed wallets, and none where it has approved', async () => {
    const { abi, bytecode } = await compiledContract('SignerWallet')
    const code = encodeDeployData({ abi, bytecode, args: [OWNER.address] })
    const salt = toHex(2, { size: 32 })
    const undeployed = getCreate2Address({ from: FACTORY, salt, bytecode: code })
    const { caller } = await newPayer(shop.server.url)
    const of = await newContext(shop.server.url, caller, { payers: [wallet.address, undeployed] })
    const to = shop.newRecipient()
    const voucher = await ask(of, to)
    const { signingMessage: message = '' } = voucher
    const signature = await OWNER.signMessage({ message })
    const long = (bytes: number) => concat([toHex(1, { size: bytes - 65 }), signature])

    ok(await signTerms(of, voucher, long(130)))
    ok(await signTerms(of, voucher, long(4095)))
    assertInvalidFields(await signTerms(of, voucher, long(4096)), ['/signature'])
    const deploying = serializeErc6492Signature({ address: FACTORY, data: concat([salt, code]), signature })
    assert.ok(deploying.length > 256)
    ok(await signTerms(of, voucher, deploying, undeployed))

    for (const empty of ['0x', '0x00'] as const)
      assertInvalidFields(await signTerms(of, voucher, empty), ['/signature'])
    assertInvalidFields(await signTerms(of, voucher, '0x', undeployed), ['/signature'])
    const signed = ok(await signTerms(of, voucher, await approve(message)))
    assert.equal(signed.signature?.signature, '0x')
    const thief = await sceneOf((await newPayer(shop.server.url)).caller)
    const theirs = await ask(thief, to)
    const hash = await pay(to)
    assert.match((await resolve(thief, theirs, hash)).body.detail ?? '', UNSHOWN)
    assert.equal((await resolve(of, voucher, hash)).body.status, 'RESOLVED')

    const approving = by({ ...OWNER, signMessage: async (input) => approve(input.message) })
    const silent = by({ ...OWNER, signMessage: async () => '0x' })
    assertProblem(await signIn(silent, chainId), 'invalid_credentials')
    ok(await look(await signedIn(approving, chainId), await sceneOf(await signedIn(by(OWNER), chainId))))
  })

  it('holds its address on its own chain only', async () => {
    const owner = await sceneOf(await signedIn(by(OWNER), chainId))
    const thief = await sceneOf(await signedIn(by(THIEF), elsewhere.chainId))
    const other = await sceneOf((await newPayer(shop.server.url)).caller)
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(thief, to), await ask(owner, to)]
    const hash = await pay(to)
    const refused = await resolve(thief, theirs, hash)
    assert.equal(refused.body.code, 'receipt_rejected')
    assert.match(refused.body.detail ?? '', UNSHOWN)
    assert.equal((await resolve(owner, own, hash)).body.status, 'RESOLVED')

    const voucher = await ask(other, to)
    ok(await sign(other, voucher, OWNER))
    assert.equal((await resolve(other, voucher, await pay(to))).body.status, 'RESOLVED', 'the thief holds nothing here')
  })

  it('signs for a voucher on the chain where that is paid', async () => {
    const [owner, thief] = [
      await sceneOf((await newPayer(shop.server.url)).caller),
      await sceneOf(await signedIn(by(THIEF), elsewhere.chainId)),
    ]
    const to = shop.newRecipient()
    const [theirs, own] = [await ask(thief, to), await ask(owner, to)]
    assertInvalidFields(await sign(thief, theirs, THIEF), ['/signature'])
    ok(await sign(owner, own, OWNER))
    const hash = await pay(to)
    assert.match((await resolve(thief, theirs, hash)).body.detail ?? '', UNSHOWN)
    assert.equal((await resolve(owner, own, hash)).body.status, 'RESOLVED')
  })

  it('that a payer only names counts once it has signed the voucher, also when that has ended', async () => {
    const named = await sceneOf((await newPayer(shop.server.url)).caller)
    const to = shop.newRecipient()
    const vouchers = [await ask(named, to), await ask(named, to)]
    const [late, discarded] = vouchers as [VoucherView, VoucherView]
    const { payments } = ok(await named.payer.get<VoucherReviewView>(`/vouchers/${late.id}/review`))
    assert.equal(payments[0]?.review.complete, false)
    assert.deepEqual(payments[0]?.simulation.status, 'UNKNOWN')
    assert.match(payments[0]?.simulation.reason ?? '', /is a contract: sign the voucher with it first/)

    ok(await named.payer.post(`/vouchers/${discarded.id}/discard-voucher`))
    const hashes = [await pay(to), await pay(to)]
    shop.server.clock.advance(60 * 60 * 1000)
    for (const [index, { id }] of vouchers.entries()) {
      const hash = hashes[index] as Hex
      const ended = ok(await named.payer.get<VoucherView>(`/vouchers/${id}`))
      const refused = await resolve(named, ended, hash)
      assert.deepEqual([refused.status, refused.body.code], [400, 'receipt_rejected'])
      assert.match(
        refused.body.detail ?? '',
        /is a contract, and nothing shows .*sign-voucher.* hand in the receipt again/,
      )
      assertInvalidFields(await sign(named, ended, THIEF), ['/signature'])
      const signed = ok(await sign(named, ended, OWNER))
      assert.equal(signed.status, ended.status)
      const { body } = await resolve(named, signed, hash)
      assert.deepEqual([body.status, body.late], ['RESOLVED', true])
    }
    assertProblem(await sign(named, late, OWNER), 'validation_failed', 'there is nothing left to pay')
  })
})

describe('a key', () => {
  it('has one account, whichever chain its message names, and whatever code its address has there', async () => {
    const key = devAccount(3)
    const owned = await sceneOf(await signedIn(key, chainId))
    ok(await look(await signedIn(key, elsewhere.chainId), owned))

    assert.ok(key.signAuthorization)
    const authorizationList = [await key.signAuthorization({ address: wallet.address, chainId, nonce: 0 })]
    await shop.client.sendTransaction({ account: OWNER, to: key.address, authorizationList, gas: 200_000n })
    await shop.mine()
    ok(await look(await signedIn(key, chainId), owned))
    const delegate = await signedIn(by(OWNER, key.address), chainId)
    assertProblem(await look(delegate, owned), 'not_found', 'what its code accepts is not what the key has signed')
    assertProblem(await signIn(by(OWNER, key.address), elsewhere.chainId), 'invalid_credentials')
  })
})
