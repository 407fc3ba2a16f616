import { LRUCache } from 'lru-cache'
import { hashTypedData, hexToBigInt, hexToNumber, keccak256, parseAbi, parseTransaction, zeroAddress } from 'viem'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import type { Hex } from '../../../domain/payment.ts'
import type { SignedRelay } from '../../../domain/relay-queue.ts'
import type { BlockRef } from '../../../domain/settlement.ts'
import { contractWallet, type WalletId } from '../../../domain/wallet.ts'
import { quoted } from '../../../protocol/plain-text.ts'
import { ChainUnavailable } from '../../chain.ts'
import {
  type Authorization,
  AuthorizationRefused,
  type GasFees,
  type RelayCall,
  type Relayer,
  type RelayerAccount,
  type RelayOrder,
} from '../../relayer.ts'
import { isTakenByContract } from '../contract-signature.ts'
import type { EvmChain } from '../evm-chain.ts'
import { lowerHex } from '../hex.ts'
import { refusalWords, revertDataOf } from '../node-errors.ts'
import { revertReason } from '../revert-reason.ts'
import {
  authorizationOf,
  callOf,
  canonical,
  DEPLOYER,
  DEPLOYER_CODE,
  isSigned,
  isSplittable,
  type Overload,
  rehearsalOf,
  type Takes,
  type TokenSigning,
} from './authorizations.ts'
import { PayerAccounts } from './payer-accounts.ts'
import { readTokenSigning } from './token-signing.ts'

export type EvmRelayerOptions = { chain: EvmChain; privateKey: Hex; dailyCapWei: bigint }

/** A token may be replaced behind its address, so what it can is asked again. */
const SIGNING_KNOWN_FOR_MS = 10 * 60 * 1000
const MOST_TOKENS = 1000

/** A nonce is taken only at a price this much higher; nodes ask for a tenth. In percent. */
const OUTBID_PERCENT = 125n
/** Several times what honest tokens take: some call the payee, who could burn the relayer's coins. */
const MOST_GAS = 1_000_000n
/** What a call takes may change between the estimate and the block. In percent. */
const GAS_PERCENT = 130n
/** How much dearer blocks may become before a transaction is stuck: full ones double the base fee in six. */
const BASE_FEES = 2n
/** Where a node does not say what miners ask: 1 gwei. */
const USUAL_TIP_WEI = 10n ** 9n

const TOKEN_ABI = parseAbi([
  'function nonces(address owner) view returns (uint256)',
  'function balanceOf(address account) view returns (uint256)',
])

/** A relayer on a network with an EVM. */
export function openEvmRelayer({ chain, privateKey, dailyCapWei }: EvmRelayerOptions): Relayer {
  const account = privateKeyToAccount(privateKey)
  const { network, chainId } = chain
  const tokens = new TokenDirectory(chain)
  const accounts = new PayerAccounts(chain)
  let lastBalanceWei: bigint | null = null
  const sign = (call: UnsignedRelay) => signRelay(account, chainId, call)
  return {
    ...{ network, chainId, dailyCapWei },
    address: lowerHex(account.address),
    authorizationsOf: async (order) => {
      const offers = await offersFor(chain, tokens, accounts, order)
      return offers.map(({ authorization }) => authorization)
    },
    prepare: async (order, signature) => {
      const offers = await offersFor(chain, tokens, accounts, order)
      return prepare(chain, account.address, { order, offers, signature })
    },
    account: async () => {
      const found = await readAccount(chain, account.address)
      lastBalanceWei = found.balanceWei
      return found
    },
    lastBalanceWei: () => lastBalanceWei,
    sign: (call, nonce) => sign({ ...call, nonce }),
    isUnderpriced: async (signedTransaction) => isUnderpriced(signedTransaction, await readFees(chain)),
    outbid: (signedTransaction, isCancelled) => outbid(chain, account, signedTransaction, isCancelled),
    fill: async (nonce) => sign({ ...(await nothing(chain, account.address)), fees: await readFees(chain), nonce }),
    costOf: (hashes) => costOf(chain, hashes),
  }
}

/** What tokens can, as they said not long ago. */
class TokenDirectory {
  readonly #chain: EvmChain
  readonly #known = new LRUCache<Hex, { signing: TokenSigning | null }>({ max: MOST_TOKENS, ttl: SIGNING_KNOWN_FOR_MS })

  constructor(chain: EvmChain) {
    this.#chain = chain
  }

  async signing(token: Hex): Promise<TokenSigning | null> {
    const known = this.#known.get(token)
    if (known !== undefined) return known.signing
    const signing = await this.#read(token)
    this.#known.set(token, { signing })
    return signing
  }

  /** A permit is carried out by way of the deployer. */
  async #read(token: Hex): Promise<TokenSigning | null> {
    const signing = await readTokenSigning(this.#chain, token)
    if (signing?.type !== 'eip-2612') return signing
    const code = await this.#chain.ask(({ client }) =>
      client.request({ method: 'eth_getCode', params: [DEPLOYER, 'latest'] }),
    )
    return code === DEPLOYER_CODE ? signing : null
  }
}

/** What one wallet can sign, and the functions of the token that take it: of its key, and of the code of its account. */
type Offer = { authorization: Authorization; byKey: Overload[]; byCode: Overload[] }

async function offersFor(
  chain: EvmChain,
  tokens: TokenDirectory,
  accounts: PayerAccounts,
  order: RelayOrder,
): Promise<Offer[]> {
  const signing = await tokens.signing(order.token)
  if (signing === null) return []
  const [nonces, ways] = await Promise.all([
    signing.type === 'eip-2612' ? readNonces(chain, order) : [],
    Promise.all(order.payers.map((payer) => readWays(accounts, payer, signing.takes))),
  ])
  const offers = order.payers.map((payer, index) => ({
    authorization: authorizationOf(signing, order, payer, nonces[index] ?? 0n),
    ...(ways[index] ?? { byKey: [], byCode: [] }),
  }))
  return offers.filter(({ byKey, byCode }) => byKey.length + byCode.length > 0)
}

const OVERLOADS = ['split', 'bytes'] as const satisfies Overload[]

/** How keys sign for a token that follows its standard, where trying has told nothing. */
const BY_STANDARD: Overload[] = ['split']

/** By which functions a token takes a signature of this wallet. Where the token asks code, it does not ask the key. */
async function readWays(accounts: PayerAccounts, payer: Hex, takes: Takes): Promise<Omit<Offer, 'authorization'>> {
  const kind = await accounts.kind(payer)
  if (kind === 'key') {
    const proven = OVERLOADS.filter((overload) => takes[overload].key)
    return { byKey: proven.length > 0 ? proven : BY_STANDARD, byCode: [] }
  }
  const asking = OVERLOADS.filter((overload) => takes[overload].code)
  return {
    byKey: kind === 'contract' ? [] : OVERLOADS.filter((overload) => takes[overload].key && !takes[overload].code),
    byCode: asking.length > 0 && (await accounts.answers(payer)) ? asking : [],
  }
}

function readNonces(chain: EvmChain, { token, payers }: RelayOrder): Promise<(bigint | null)[]> {
  const calls = payers.map((payer) => ({ address: token, args: [payer] as const }))
  return chain.readContracts({ abi: TOKEN_ABI, functionName: 'nonces', calls })
}

type Handed = { order: RelayOrder; offers: Offer[]; signature: Hex }

type Call = { to: Hex; data: Hex }

async function prepare(chain: EvmChain, relayer: Hex, handed: Handed): Promise<RelayCall & { signedBy: WalletId }> {
  const signed = await findSigned(chain, handed)
  const call = await findCall(chain, handed.order, signed)
  const [gas, fees] = [await estimateGas(chain, relayer, call), await readFees(chain)]
  return { ...call, gas, fees, signedBy: signed.signedBy }
}

type Signed = { authorization: Authorization; overloads: Overload[]; signature: Hex; signedBy: WalletId }

/** Whose signature it is. A key comes first, as everywhere; the code of an account is asked where the token would ask it. */
async function findSigned(chain: EvmChain, { offers, signature }: Handed): Promise<Signed> {
  if (offers.length === 0) throw new AuthorizationRefused("the token takes no signature of the payer's addresses")
  for (const { authorization, byKey, byCode } of offers) {
    if (!(await isSigned(authorization, signature))) continue
    const { from: signedBy } = authorization
    return { authorization, overloads: [...byKey, ...byCode], signature: canonical(signature), signedBy }
  }
  for (const { authorization, byCode } of offers) {
    if (byCode.length === 0 || !(await isSignedByCode(chain, authorization, signature))) continue
    const signedBy = contractWallet(chain.chainId, authorization.from)
    return { authorization, overloads: byCode, signature, signedBy }
  }
  throw new AuthorizationRefused(
    "it is not the signature of one of the payer's addresses over the typed data that the payment shows now",
  )
}

function isSignedByCode(
  chain: EvmChain,
  { from: address, typedData }: Authorization,
  signature: Hex,
): Promise<boolean> {
  return chain.ask(({ client }) => isTakenByContract(client, { address, hash: hashTypedData(typedData), signature }))
}

/** The first call by which the token moves what was asked. */
async function findCall(chain: EvmChain, order: RelayOrder, signed: Signed): Promise<Call> {
  const { authorization, signature } = signed
  const fitting = signed.overloads.filter((overload) => overload === 'bytes' || isSplittable(signature))
  let refusal = new AuthorizationRefused('the token takes signatures of 65 bytes only')
  for (const overload of fitting) {
    const call = callOf(order, authorization, overload, signature)
    try {
      await rehearse(chain, order, authorization, call)
      return call
    } catch (error) {
      if (!(error instanceof AuthorizationRefused)) throw error
      refusal = error
    }
  }
  throw refusal
}

/** What a token says is one thing, what it does another: the payee must get the very units that were asked. */
async function rehearse(chain: EvmChain, order: RelayOrder, { from }: Authorization, call: Call) {
  const [balance] = await chain.readContracts({
    abi: TOKEN_ABI,
    functionName: 'balanceOf',
    calls: [{ address: order.token, args: [from] }],
  })
  if (typeof balance === 'bigint' && balance < order.units) {
    throw new AuthorizationRefused(`${from} has ${balance} units of the token, asked are ${order.units}`)
  }
  const data = rehearsalOf(order, call)
  const answer = await unlessRefused(chain, (request) => request({ method: 'eth_call', params: [{ data }, 'latest'] }))
  const arrived = answer === '0x' ? 0n : hexToBigInt(answer)
  if (arrived !== order.units) {
    throw new AuthorizationRefused(`the payee would get ${arrived} units, asked are ${order.units}`)
  }
}

async function estimateGas(chain: EvmChain, from: Hex, { to, data }: Call): Promise<bigint> {
  const gas = await unlessRefused(chain, (request) =>
    request({ method: 'eth_estimateGas', params: [{ from, to, data }] }),
  )
  if (hexToBigInt(gas) > MOST_GAS) throw new AuthorizationRefused(`it would take ${hexToBigInt(gas)} gas`)
  return withReserve(hexToBigInt(gas))
}

function withReserve(gas: bigint): bigint {
  return (gas * GAS_PERCENT) / 100n
}

type Request = Parameters<Parameters<EvmChain['ask']>[0]>[0]['client']['request']

/** @throws AuthorizationRefused where the call reverts */
async function unlessRefused(chain: EvmChain, question: (request: Request) => Promise<Hex>): Promise<Hex> {
  const { answer, words } = await chain.ask(async ({ client }) => {
    try {
      return { answer: await question(client.request), words: null }
    } catch (error) {
      const words = refusalWords(error)
      if (words === null) throw error
      const said = revertReason(revertDataOf(error) ?? '0x', zeroAddress, { tokenAt: () => undefined })
      return { answer: null, words: said?.words ?? words }
    }
  })
  if (answer === null) throw new AuthorizationRefused(`the token would not take it (${quoted(words)})`)
  return answer
}

function readAccount(chain: EvmChain, address: Hex): Promise<RelayerAccount> {
  return chain.ask(async ({ client }) => {
    const [mined, pending, balance] = await Promise.all([
      client.request({ method: 'eth_getTransactionCount', params: [address, 'latest'] }),
      client.request({ method: 'eth_getTransactionCount', params: [address, 'pending'] }),
      client.request({ method: 'eth_getBalance', params: [address, 'latest'] }),
    ])
    const minedNonce = hexToNumber(mined)
    return { minedNonce, pendingNonce: Math.max(minedNonce, hexToNumber(pending)), balanceWei: hexToBigInt(balance) }
  })
}

function readFees(chain: EvmChain): Promise<GasFees> {
  return chain.ask(async ({ client }) => {
    const block = await client.request({ method: 'eth_getBlockByNumber', params: ['latest', false] })
    if (!block?.baseFeePerGas) throw new ChainUnavailable('the newest block has no base fee')
    const tip = await client.request({ method: 'eth_maxPriorityFeePerGas' }).then(hexToBigInt, () => USUAL_TIP_WEI)
    return { maxFeePerGas: BASE_FEES * hexToBigInt(block.baseFeePerGas) + tip, maxPriorityFeePerGas: tip }
  })
}

type UnsignedRelay = RelayCall & { nonce: number }

async function signRelay(account: PrivateKeyAccount, chainId: number, call: UnsignedRelay): Promise<SignedRelay> {
  const { nonce, to, data, gas, fees } = call
  const signedTransaction = await account.signTransaction({ type: 'eip1559', chainId, nonce, to, data, gas, ...fees })
  return { nonce, hash: keccak256(signedTransaction), signedTransaction, maxCostWei: gas * fees.maxFeePerGas }
}

function isUnderpriced(signedTransaction: Hex, { maxFeePerGas, maxPriorityFeePerGas }: GasFees): boolean {
  const offered = parseTransaction(signedTransaction)
  const baseFee = (maxFeePerGas - maxPriorityFeePerGas) / BASE_FEES
  return (
    (offered.maxFeePerGas ?? 0n) < baseFee + maxPriorityFeePerGas ||
    (offered.maxPriorityFeePerGas ?? 0n) < maxPriorityFeePerGas
  )
}

async function outbid(
  chain: EvmChain,
  account: PrivateKeyAccount,
  signedTransaction: Hex,
  isCancelled: boolean,
): Promise<SignedRelay> {
  const before = parseTransaction(signedTransaction)
  const { nonce = 0, to, data = '0x', gas = 0n, maxFeePerGas = 0n, maxPriorityFeePerGas = 0n } = before
  const now = await readFees(chain)
  const fees = {
    maxFeePerGas: larger(now.maxFeePerGas, outbidden(maxFeePerGas)),
    maxPriorityFeePerGas: larger(now.maxPriorityFeePerGas, outbidden(maxPriorityFeePerGas)),
  }
  const call = isCancelled || !to ? await nothing(chain, account.address) : { to, data, gas }
  return signRelay(account, chain.chainId, { ...call, fees, nonce })
}

/** A transaction to oneself; how much gas it takes differs by network. */
async function nothing(chain: EvmChain, address: Hex): Promise<{ to: Hex; data: Hex; gas: bigint }> {
  const call = { to: address, data: '0x' } as const
  const gas = await chain.ask(({ client }) =>
    client.request({ method: 'eth_estimateGas', params: [{ from: address, ...call }] }),
  )
  return { ...call, gas: withReserve(hexToBigInt(gas)) }
}

function costOf(chain: EvmChain, hashes: Hex[]): Promise<{ wei: bigint; block: BlockRef } | null> {
  return chain.ask(async ({ client }) => {
    for (const hash of hashes.toReversed()) {
      const receipt = await client.request({ method: 'eth_getTransactionReceipt', params: [hash] })
      if (receipt === null) continue
      const gas = hexToBigInt(receipt.gasUsed) * hexToBigInt(receipt.effectiveGasPrice)
      return {
        wei: gas + dataFee(receipt),
        block: { number: hexToNumber(receipt.blockNumber), hash: lowerHex(receipt.blockHash) },
      }
    }
    return null
  })
}

/** What networks that lie on another one charge for that on top. */
function dataFee(receipt: object): bigint {
  return 'l1Fee' in receipt && typeof receipt.l1Fee === 'string' ? BigInt(receipt.l1Fee) : 0n
}

function outbidden(wei: bigint): bigint {
  return (wei * OUTBID_PERCENT) / 100n + 1n
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
