import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { type Hex, hexToString, parseEther, toHex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { encodeExecuteData } from 'viem/experimental/erc7821'
import { createPayee, type Payee, type VoucherView } from '../../src/client/index.ts'
import type { Currency } from '../../src/domain/currency.ts'
import { sandboxNetwork, servedNetwork } from '../../src/networks.ts'
import { SANDBOX_ACCOUNT_CODE, SANDBOX_CHAIN_ID } from '../../src/sandbox/facts.ts'
import { placeAccountCode } from '../../src/sandbox/sandbox-account.ts'
import { devAccount, devKey } from '../support/anvil.ts'
import { CURRENCIES, type ExchangeChain, startExchange, tokenOf } from '../support/exchange.ts'
import { freePort } from '../support/free-port.ts'
import {
  asking,
  eventually,
  PAYEE_ADDRESS,
  startTestServer,
  type TestServer,
  unverifiedNetwork,
} from '../support/server.ts'
import {
  assertAccessible,
  assertFitsWidth,
  assertInFirstView,
  HAND,
  openBrowser,
  PHONE,
  type TestBrowser,
  type TestPage,
} from './browser.ts'

const PASSPHRASE = 'correct horse battery'
const { EURC, USDC } = CURRENCIES

let chain: ExchangeChain
let server: TestServer
let browser: TestBrowser
let port: number
let dataDir: string

before(async () => {
  browser = await openBrowser()
  chain = await startExchange()
  await placeAccountCode(chain.client)
  port = await freePort()
  dataDir = await mkdtemp(join(tmpdir(), 'sixpence-wallet-'))
  server = await start()
})
after(() =>
  browser.close(async () => {
    await server.stop()
    await chain.stop()
    await rm(dataDir, { recursive: true })
  }),
)

/** The pages of the test that runs. */
const pages: Page[] = []
afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close()
})

/** Without motion, so that states are looked at and not what lies between them. */
async function open(path: string, options = {}): Promise<TestPage> {
  const page = await browser.open(server.url + path, { reducedMotion: 'reduce', ...options })
  pages.push(page)
  return page
}

/** Starts the server, at the same place and on the same data each time. */
function start(): Promise<TestServer> {
  return startTestServer({
    ...{ port, dataDir, sandboxRpcUrl: chain.rpcUrl, times: { dropGraceMs: 200 } },
    relayer: { privateKey: devKey(0), dailyCapsWei: new Map([[EURC.network, parseEther('1')]]) },
    networks: [
      { ...unverifiedNetwork(), currencies: [] },
      { ...servedNetwork(sandboxNetwork({ rpcUrl: chain.rpcUrl })), confirmations: 2, pollIntervalMs: 50 },
    ],
  })
}

/** A wallet page that is set up with one of the sandbox's accounts and signed in. */
async function openWallet(index: number, options = {}): Promise<TestPage> {
  const page = await open('/wallet', options)
  await setUp(page, index)
  return page
}

async function setUp(page: Page, index: number): Promise<void> {
  await page.getByLabel('Account').selectOption(`${index}`)
  await page.getByLabel('Passphrase').fill(PASSPHRASE)
  await page.getByRole('button', { name: 'Make this wallet' }).click()
  await page.getByRole('heading', { name: 'Your code' }).waitFor()
}

async function unlock(page: Page): Promise<void> {
  await page.getByLabel('Passphrase').fill(PASSPHRASE)
  await page.keyboard.press('Enter')
}

/** Asks for a code, and reads it off the screen as people do. */
async function showCode(page: Page): Promise<string> {
  const opened = page.waitForResponse('**/context-open')
  await page.getByRole('button', { name: /^(Show a|Another) code$/ }).click()
  const { code }: { code: string } = await (await opened).json()
  await page.getByRole('img', { name: `Your code: ${[...code].join(' ')}`, exact: true }).waitFor()
  return code
}

async function ask(payee: Payee, amount: string, currency: Currency = EURC): Promise<VoucherView> {
  const { id } = await payee.reserveVoucher()
  return payee.redeemVoucher(id, { ...asking(amount, currency), payeeInfo: { name: 'Corner shop' } })
}

async function payeeOf(page: Page): Promise<Payee> {
  return createPayee({ url: server.url, contextCode: await showCode(page) })
}

type Call = { method: string; params?: unknown }

type Extension = {
  /** What its owner is asked for, in order. */
  asked: string[]
  /** The texts that it has signed. */
  signed: string[]
  /** The hashes of its transactions. */
  sent: Hex[]
  /** What its owner does with a transaction; `send and vanish`: the page hears no answer any more. */
  mood: 'decline' | 'send' | 'send and vanish'
}

/**
 * Gives the tabs of a profile a wallet of the browser (EIP-1193, announced by EIP-6963) with a key of the sandbox.
 * @param isModern it sends calls together (EIP-5792), and is on another chain at first
 */
async function connectExtension(page: Page, index: number, isModern = false): Promise<Extension> {
  const extension: Extension = { asked: [], signed: [], sent: [], mood: 'send' }
  const account = devAccount(index)
  let chainId = toHex(isModern ? 1 : SANDBOX_CHAIN_ID)
  const send = async ([{ to, data, value, gas }]: [{ to: Hex; data: Hex; value: Hex; gas: Hex }]) => {
    if (extension.mood === 'decline') return { code: 4001, message: 'no' }
    const hash = await chain.client.sendTransaction({ account, to, data, value: BigInt(value), gas: BigInt(gas) })
    extension.sent.push(hash)
    return extension.mood === 'send' ? hash : new Promise(() => undefined)
  }
  const owner: Record<string, (params: never) => Promise<unknown>> = {
    eth_requestAccounts: async () => [account.address],
    personal_sign: ([raw]: [Hex]) => {
      extension.signed.push(hexToString(raw))
      return account.signMessage({ message: { raw } })
    },
    eth_sendTransaction: send,
    wallet_switchEthereumChain: async ([wanted]: [{ chainId: Hex }]) => {
      chainId = wanted.chainId
      return null
    },
    wallet_sendCalls: async ([{ calls }]: [{ calls: Parameters<typeof encodeExecuteData>[0]['calls'] }]) => {
      const authorization = { account, contractAddress: SANDBOX_ACCOUNT_CODE, executor: 'self' } as const
      const authorizationList = [await chain.client.signAuthorization(authorization)]
      const data = encodeExecuteData({ calls })
      const gas = 1_000_000n
      return { id: await chain.client.sendTransaction({ account, to: account.address, data, authorizationList, gas }) }
    },
  }
  const node = chain.client.transport
  const tells: Record<string, (params: never) => Promise<unknown>> = {
    eth_accounts: async () => [account.address],
    eth_chainId: async () => chainId,
    wallet_getCapabilities: async () => ({
      [toHex(SANDBOX_CHAIN_ID)]: { atomic: { status: isModern ? 'supported' : '' } },
    }),
    wallet_getCallsStatus: async ([id]: [Hex]) => {
      const receipts = [await node.request({ method: 'eth_getTransactionReceipt', params: [id] })]
      return { version: '2.0.0', id, chainId, atomic: true, status: 200, receipts }
    },
  }
  await page.context().exposeFunction('askTestWallet', async ({ method, params }: Call) => {
    if (owner[method]) extension.asked.push(method)
    return (owner[method] ?? tells[method])?.(params as never) ?? node.request({ method, params })
  })
  await page.context().addInitScript(`
    const request = async (call) => {
      const answer = await askTestWallet(call)
      if (answer?.code === 4001) throw Object.assign(new Error(answer.message), { code: 4001 })
      return answer
    }
    const detail = Object.freeze({ info: { uuid: '1', name: 'Test Wallet', rdns: 'example.test', icon: '' }, provider: { request } })
    const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
    window.addEventListener('eip6963:requestProvider', announce)
  `)
  await page.reload()
  await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
  return extension
}

async function askInSession(payee: Payee, amounts: string[]): Promise<string[]> {
  const session = await payee.openSession()
  const ids = []
  for (const amount of amounts) {
    const { id } = await payee.reserveVoucherInSession(session.id)
    ids.push((await payee.redeemVoucher(id, asking(amount, EURC))).id)
  }
  return ids
}

/** Closes a page at the moment when it sends a transaction, before or after the chain has it. */
async function vanishAtSending(page: Page, { goesOut }: { goesOut: boolean }, act: () => Promise<void>): Promise<void> {
  const closed = page.waitForEvent('close')
  await page.route('**/sandbox/rpc', async (route) => {
    if (!route.request().postData()?.includes('eth_sendRawTransaction')) return route.fallback()
    if (goesOut) await route.fetch()
    await page.close()
  })
  await act()
  await closed
}

/** What the payee holds, in units of EURC. */
const held = () => chain.tokenBalance(tokenOf(EURC), PAYEE_ADDRESS)

const standing = (page: Page, word: string) => page.locator('.badge', { hasText: word }).first()

const pay = (page: Page) => page.getByRole('button', { name: 'Pay', exact: true })

describe('the wallet page', () => {
  it('pays what is asked, from the code to the settlement, on a narrow phone in the dark', async () => {
    const page = await openWallet(1, { viewport: PHONE, colorScheme: 'dark' })
    const payee = await payeeOf(page)
    await assertAccessible(page, 'a code is shown')
    await assertFitsWidth(page, 'a code is shown')
    const before = await held()

    const { id, code } = await ask(payee, '1250.5')
    await page.getByRole('heading', { name: 'Corner shop asks for a payment' }).waitFor()
    await page.getByRole('img', { name: `Voucher code: ${[...code].join(' ')}` }).waitFor()
    await assertAccessible(page, 'a request')
    await assertFitsWidth(page, 'a request')
    await assertInFirstView(pay(page))
    await pay(page).click()

    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')
    await page.getByRole('progressbar', { name: 'Confirmations' }).waitFor()
    await assertInFirstView(page.getByRole('heading', { name: 'Paid' }))
    await assertInFirstView(page.getByRole('button', { name: 'Done' }))
    await assertFitsWidth(page, 'a receipt')
    await assertAccessible(page, 'on the way')
    await chain.client.mine({ blocks: 2 })
    await standing(page, 'Settled').waitFor()
    await assertAccessible(page, 'settled')
    assert.equal((await held()) - before, 1_250_500_000n)
  })

  it('says at the first try, once, why nobody is signed in, and moves nothing as it comes', async () => {
    const page = await open('/wallet', { viewport: HAND })
    await assertInFirstView(page.getByRole('button', { name: 'Make this wallet' }))
    const shift = await page.evaluate<number>(`new Promise((tell) => {
      new PerformanceObserver((list) => tell(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
        .observe({ type: 'layout-shift', buffered: true })
      requestAnimationFrame(() => requestAnimationFrame(() => tell(0)))
    })`)
    assert.ok(shift < 0.02, `${shift}`)
    const detail = 'The message is meant for another server.'
    const problem = { type: 'about:blank', title: 'No', status: 401, code: 'invalid_credentials', detail }
    await page.route('**/auth/sign-in', (route) => route.fulfill({ status: 401, json: problem }), { times: 1 })
    await page.getByLabel('Passphrase').fill(PASSPHRASE)
    await page.getByRole('button', { name: 'Make this wallet' }).click()
    await page.getByText(detail).waitFor()
    assert.equal(await page.getByText(detail).count(), 1)
    await assertAccessible(page, 'a sign-in that was refused')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Your code' }).waitFor()

    const other = await open('/wallet')
    await other.addInitScript(`
      window.ethereum = { request: async ({ method }) => {
        if (method === 'eth_requestAccounts') return ['${devAccount(4).address}']
        if (method === 'eth_chainId') return '${toHex(SANDBOX_CHAIN_ID)}'
        throw { code: 4001, message: 'no' }
      } }`)
    await other.reload()
    await other.getByRole('button', { name: 'Connect Wallet of this browser' }).click()
    await other.getByText('You declined in the wallet, so you are not signed in.').waitFor()
  })

  it('finds a wallet at window.ethereum that does not announce itself, and no wallet twice', async () => {
    const page = await open('/wallet')
    await page.addInitScript(`
      window.announced = { isTest: true, request: async ({ method }) => { throw new Error('asked for ' + method) } }
      window.ethereum = new Proxy(window.announced, {})`)
    await page.reload()
    await page.getByRole('button', { name: 'Connect Wallet of this browser' }).click()
    await page.getByText('asked for eth_requestAccounts').waitFor()

    await page.addInitScript(`
      const detail = { info: { uuid: '1', name: 'Test Wallet', rdns: 'example.test', icon: '' }, provider: window.announced }
      const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
      window.addEventListener('eip6963:requestProvider', () => queueMicrotask(announce))`)
    await page.reload()
    await page.getByRole('button', { name: 'Connect Test Wallet' }).waitFor()
    assert.equal(await page.getByRole('button', { name: /^Connect/ }).count(), 1)
  })

  it('shows what a payee says in quotes, as one line of what can be seen, on its own', async () => {
    const page = await openWallet(1)
    const payee = await payeeOf(page)
    const { id } = await payee.reserveVoucher()
    const payeeInfo = { name: 'Corner\u202e shop”\nasks for nothing\u200b', 'no\u2066te': 'Wel\u200bcome\tback' }
    await payee.redeemVoucher(id, { ...asking('1', EURC), payeeInfo, orderId: 'A\u202e17' })
    const request = page.getByRole('region', { name: 'asks for a payment' })
    await request.waitFor()
    const said = ['Corner shop asks for nothing', 'A17', 'note', 'Welcome back']
    assert.deepEqual(await request.locator('bdi.theirs > q').allTextContents(), said)
    const stored = (await payee.getVoucher(id)).payeeInfo
    assert.deepEqual(stored, payeeInfo, 'what is stored is as it was given')
    await payee.discardVoucher(id)
  })

  it('pays in another currency at a live quote, and asks for a new price', async () => {
    const page = await openWallet(2)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '100')
    await page.getByText('Pay in another currency').click()
    await page.getByLabel('Currency').selectOption('USDC')
    await page.getByRole('button', { name: 'Ask for the price' }).click()
    await page.getByText('Never more than').waitFor()
    await assertAccessible(page, 'a quote')
    const first = (await payee.getVoucher(id)).suppliedPayment
    await page.getByRole('button', { name: 'Ask for a new price' }).click()
    await eventually(async () => (await payee.getVoucher(id)).suppliedPayment?.quoteId !== first?.quoteId)

    const before = await held()
    await pay(page).click()
    const { suppliedPayment } = await payee.waitForResolved(id)
    assert.equal(suppliedPayment?.currency, 'USDC')
    assert.equal((await held()) - before, 100_000_000n)
  })

  it('pays a session in two currencies with one signature', async () => {
    const page = await openWallet(3)
    const payee = await payeeOf(page)
    const session = await payee.openSession({ payeeInfo: { name: 'Supermarket' } })
    const ids = []
    for (const [amount, currency] of [
      ['12.5', EURC],
      ['7', USDC],
    ] as const) {
      const { id } = await payee.reserveVoucherInSession(session.id)
      ids.push((await payee.redeemVoucher(id, asking(amount, currency))).id)
    }
    const all = page.getByRole('button', { name: 'Pay all 2 with one signature' })
    await all.waitFor()
    await assertAccessible(page, 'a session')
    await all.click()
    const settled = await Promise.all(ids.map((id) => payee.waitForResolved(id, { timeoutMs: 20_000 })))
    const hashes = settled.flatMap(({ settlement }) => settlement.transactions.map((one) => one.transactionHash))
    assert.deepEqual([hashes.length, new Set(hashes).size], [2, 1])
    assert.notEqual((await payee.getSession(session.id)).joinedAt, null)
  })

  it('goes by the server’s clock, and signs what is on the screen though more is asked meanwhile', async () => {
    const page = await open('/wallet')
    await page.addInitScript(`{
      const Real = Date, aheadMs = 20 * 60 * 1000
      globalThis.Date = class extends Real {
        constructor(...given) { given.length > 0 ? super(...given) : super(Real.now() + aheadMs) }
        static now() { return Real.now() + aheadMs }
      }
    }`)
    await page.reload()
    await setUp(page, 8)
    const payee = await payeeOf(page)
    await page.getByText(/Time left: (10:00|9:\d\d)/).waitFor()

    const askIn = async (sessionId: string, amount: string) => {
      const { id } = await payee.reserveVoucherInSession(sessionId)
      return payee.redeemVoucher(id, asking(amount, EURC))
    }
    const session = await payee.openSession()
    const first = [await askIn(session.id, '1'), await askIn(session.id, '2')]
    const payBoth = page.getByRole('button', { name: 'Pay all 2 with one signature' })
    await payBoth.and(page.locator(':enabled')).waitFor()
    const held = Promise.withResolvers<void>()
    await page.route('**/sessions/*/payments?*', (route) => held.promise.then(() => route.continue()))
    const added = await askIn(session.id, '900')
    await page.getByText(`This has changed: request ${added.code} was added`).waitFor()
    const reading = page.getByRole('button', { name: 'Reading the new list…' })
    await reading.and(page.locator(':disabled')).waitFor()
    assert.equal(await payBoth.count(), 0)
    await payee.discardVoucher(added.id)
    await page.getByText(`request ${added.code} is not to be paid any more`).waitFor()
    held.resolve()
    await payBoth.click()
    for (const { id } of first) await payee.waitForResolved(id, { timeoutMs: 20_000 })
    assert.equal((await payee.getVoucher(added.id)).status, 'DISCARDED')
  })

  it('keeps its key sealed: a wrong passphrase does not open it, and a reload locks it', async () => {
    const page = await openWallet(5)
    const payee = await payeeOf(page)
    await page.reload()
    await page.getByRole('heading', { name: 'The wallet is locked' }).waitFor()
    await assertAccessible(page, 'locked')
    const kept = await page.evaluate<string>('JSON.stringify(localStorage)')
    assert.ok(!kept.includes(devKey(5).slice(2)))

    const { id } = await ask(payee, '13')
    const shown = await page.locator('html').innerHTML()
    assert.doesNotMatch(shown, new RegExp(`${devAccount(5).address}|0x|asks for a payment|History|EURC`, 'i'))
    await page.getByLabel('Passphrase').fill('wrong horse battery')
    await page.keyboard.press('Enter')
    await page.getByText('This passphrase does not open the wallet.').waitFor()
    await assertAccessible(page, 'a wrong passphrase')
    await unlock(page)
    await pay(page).focus()
    await page.keyboard.press('Enter')
    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')

    await page.getByRole('button', { name: 'Forget this wallet' }).click()
    await assertAccessible(page, 'to be forgotten')
    await page.getByRole('button', { name: 'Forget it' }).click()
    await page.getByRole('heading', { name: 'Play in the sandbox' }).waitFor()
    assert.equal(await page.evaluate('localStorage.length'), 0)
  })

  it('does not ask for a signature where the payment would fail, and marks what nobody can read', async () => {
    const page = await openWallet(6)
    const payee = await payeeOf(page)
    await ask(payee, '999999999')
    await page.getByText('This would fail, so there is nothing to sign').waitFor()
    await page.getByText('You have too little EURC for this.').waitFor()
    assert.equal(await pay(page).count(), 0)
    await assertAccessible(page, 'a payment that would fail')
    await page.getByRole('button', { name: 'Refuse' }).click()

    const { id } = await payee.reserveVoucher()
    const input = { from: '{payer}' as const, to: tokenOf(EURC), value: '0', data: '0x12345678' }
    const networks = [{ network: EURC.network, type: 'evm' as const, chainId: `${SANDBOX_CHAIN_ID}` }]
    await payee.redeemVoucher(id, { networks, payments: [{ type: 'send_transaction', input }] })
    await page.getByText('Nobody can say what this does.').waitFor()
    await assertAccessible(page, 'a call that nobody can read')
  })

  it('hands in its receipt after a reload between signing and resolving', async () => {
    const page = await openWallet(7)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '14')
    let isCut = true
    await page.route('**/resolve-voucher', (route) => (isCut ? route.abort() : route.continue()))
    await page.duringOutage(async () => {
      await pay(page).click()
      await eventually(() => page.evaluate<boolean>(`'sixpence.wallet.sent' in localStorage`))
      await page.reload()
    })
    assert.equal((await payee.getVoucher(id)).status, 'REDEEMED')
    isCut = false
    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')
    await unlock(page)
    await standing(page, 'Paid').waitFor()
    await eventually(() => page.evaluate<boolean>(`!('sixpence.wallet.sent' in localStorage)`))
  })

  it('goes on after the server has been restarted between signing and resolving', async () => {
    const page = await openWallet(8)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '15')
    await page.duringOutage(async () => {
      await page.route('**/resolve-voucher', (route) => server.stop().then(() => route.abort()), { times: 1 })
      await pay(page).click()
      await page.getByText('it is handed in again by itself').waitFor()
      await page.getByText('This page goes on by itself as soon as it can.').waitFor()
      await assertAccessible(page, 'the server is away')
      server = await start()
      await standing(page, 'Paid').waitFor()
    })
    assert.equal((await payee.getVoucher(id)).status, 'RESOLVED')
  })

  it('pays by a wallet of the browser, and asks its owner what became of it where its answer was lost', async () => {
    const page = await open('/wallet')
    const extension = await connectExtension(page, 9)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '16')
    extension.mood = 'decline'
    await pay(page).click()
    await page.getByText('You declined in the wallet. Nothing was paid.').waitFor()
    await page.reload()
    extension.mood = 'send and vanish'
    await pay(page).click()
    await eventually(async () => extension.sent.length === 1)
    await page.close()

    const tab = await open('/wallet', { beside: page })
    await tab.getByText('It may have been paid already').waitFor()
    assert.equal(await pay(tab).count(), 0)
    await assertAccessible(tab, 'a payment that may have been made')
    await tab.getByLabel('the hash of the transaction').fill(extension.sent.join())
    await tab.getByRole('button', { name: 'It was sent: hand it in' }).click()
    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')
    const { asked, signed } = extension
    assert.match(signed.join(), new RegExp(`^Chain ID: ${SANDBOX_CHAIN_ID}$`, 'm'), 'the chain that it is on')
    assert.deepEqual(asked, ['eth_requestAccounts', 'personal_sign', 'eth_sendTransaction', 'eth_sendTransaction'])
  })

  it('has a wallet of the browser change the chain, and pay a session with one approval', async () => {
    const page = await open('/wallet')
    const { asked } = await connectExtension(page, 9, true)
    const payee = await payeeOf(page)
    const ids = await askInSession(payee, ['22', '23'])
    await page.getByRole('button', { name: 'Pay all 2 with one signature' }).click()
    for (const id of ids) assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')
    assert.deepEqual(asked.slice(2), ['wallet_switchEthereumChain', 'wallet_sendCalls'])
  })

  it('pays once in the native coin where two tabs pay at once', async () => {
    const page = await open('/wallet')
    const extension = await connectExtension(page, 2)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '24')
    await page.getByText('Pay in another currency').click()
    await page.getByLabel('Currency').selectOption('POL')
    await page.getByRole('button', { name: 'Ask for the price' }).click()
    await page.getByText('Never more than').waitFor()
    const tab = await open('/wallet', { beside: page })
    await pay(tab).waitFor()
    const before = await held()
    await Promise.all([pay(page).click(), pay(tab).click()])
    for (const one of [page, tab]) await standing(one, 'Paid').waitFor()
    assert.equal((await payee.getVoucher(id)).suppliedPayment?.currency, 'POL')
    assert.equal((await held()) - before, 24_000_000n)
    assert.equal(extension.sent.length, 1)
  })

  it('pays once though it goes as it sends, whether or not what it signed went out', async () => {
    const page = await openWallet(3)
    const payee = await payeeOf(page)
    const before = await held()
    const ids = await askInSession(payee, ['25', '26'])
    await vanishAtSending(page, { goesOut: true }, () =>
      page.getByRole('button', { name: 'Pay all 2 with one signature' }).click(),
    )
    const second = await open('/wallet', { beside: page })
    for (const id of ids) assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')

    const { id } = await ask(payee, '27')
    await unlock(second)
    await vanishAtSending(second, { goesOut: false }, () => pay(second).click())
    const third = await open('/wallet', { beside: page })
    await unlock(third)
    await third.getByText('has never heard of transaction').waitFor()
    await assertAccessible(third, 'signed, and not sent')
    await third.getByRole('button', { name: 'Send it again' }).click()
    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')
    assert.equal((await held()) - before, 78_000_000n)

    const { id: over } = await ask(payee, '28')
    await third.duringOutage(async () => {
      await third.route('**/sandbox/rpc', (route) =>
        route.request().postData()?.includes('eth_sendRawTransaction') ? route.abort() : route.fallback(),
      )
      await pay(third).click()
      await third.getByText('The chain cannot be reached just now.').waitFor()
    })
    await payee.discardVoucher(over)
    await third.getByText('This request is over').waitFor()
    await assertAccessible(third, 'signed, and over')
    await third.getByRole('button', { name: 'It never went out: forget it' }).click()
    await eventually(() => third.evaluate<boolean>(`!('sixpence.wallet.sent' in localStorage)`))
  })

  it('takes a key of one’s own, and puts aside what it kept and cannot read', async () => {
    const page = await open('/wallet')
    const privateKey = generatePrivateKey()
    const { address } = privateKeyToAccount(privateKey)
    await chain.client.setBalance({ address, value: parseEther('1') })
    await chain.grant(tokenOf(EURC), address, 30_000_000n)
    await page.getByLabel('Account').selectOption('Import a key…')
    await page.getByLabel('Passphrase').fill(PASSPHRASE)
    await page.getByLabel('Private key').fill(`${privateKey}0`)
    await page.getByRole('button', { name: 'Make this wallet' }).click()
    await page.getByText('This is no private key').waitFor()
    await page.getByLabel('Private key').fill(privateKey)
    await page.getByRole('button', { name: 'Make this wallet' }).click()
    await page.getByRole('heading', { name: 'Your code' }).waitFor()
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '28')
    await pay(page).click()
    assert.equal((await payee.waitForResolved(id, { timeoutMs: 20_000 })).status, 'RESOLVED')

    const spoilt = { account: '{"kind":"key","salt":', sent: '[{"voucherId":"vch_1","transactionHash":7}]' }
    for (const [name, text] of Object.entries(spoilt))
      await page.evaluate(`localStorage['sixpence.wallet.${name}'] = '${text}'`)
    await page.evaluate(`localStorage['sixpence.wallet.asking'] = localStorage['sixpence.wallet.token'] = '{}'`)
    await page.reload()
    await page.getByText('The wallet that this browser kept cannot be read.').waitFor()
    await page.getByRole('heading', { name: 'Play in the sandbox' }).waitFor()
    await assertAccessible(page, 'what cannot be read')
    const aside = await page.evaluate<string[]>('Object.values(localStorage)')
    for (const text of Object.values(spoilt)) assert.ok(aside.includes(text), text)
    await page.getByRole('button', { name: 'Delete it for good' }).first().click()

    const spoiltSales = { settings: '{"wallet":7}', 'sale.1': '{"id":"1","startedAtMs":' }
    for (const [name, text] of Object.entries(spoiltSales)) {
      await page.evaluate(`localStorage['sixpence.register.${name}'] = '${text}'`)
    }
    await page.goto(`${server.url}/register`)
    await page.getByText('What this register kept as “sale.1” cannot be read.').waitFor()
    await page.getByRole('heading', { name: 'Set up this register' }).waitFor()
    const keptAside = await page.evaluate<string[]>('Object.values(localStorage)')
    for (const text of Object.values(spoiltSales)) assert.ok(keptAside.includes(text), text)
  })

  it('pays by a signature alone where the operator pays the gas, also in a session', async () => {
    const page = await openWallet(6)
    const payee = await payeeOf(page)
    const [id = ''] = await askInSession(payee, ['17'])
    await page.getByRole('button', { name: 'Sign only: no network fee' }).click()
    const { settlement } = await payee.waitForResolved(id)
    const [{ transactionHash } = { transactionHash: null }] = settlement.transactions
    const { from } = await chain.client.getTransaction({ hash: `0x${transactionHash?.slice(2)}` })
    assert.equal(from, devAccount(0).address.toLowerCase())
  })

  it('says what to do when the chain undoes a payment, and pays again', async () => {
    const page = await openWallet(7)
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '18')
    await pay(page).click()
    await payee.waitForResolved(id)
    await chain.reorg(1)
    await chain.client.mine({ blocks: 1 })
    await page.getByText('A payment of yours may still go through').waitFor()
    await assertAccessible(page, 'a settlement that failed')
    await page.getByRole('button', { name: 'Pay again' }).click()
    await standing(page, 'Paid').waitFor()
    await chain.client.mine({ blocks: 2 })
    await standing(page, 'Settled').waitFor()
  })
})

/** Has the server name another payee in what it answers, until the returned function is called. */
async function lie(page: Page, url: string): Promise<() => Promise<void>> {
  const payee = new RegExp(PAYEE_ADDRESS.slice('0x'.length), 'gi')
  const thief = devAccount(9).address.slice('0x'.length)
  await page.route(url, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: (await response.text()).replaceAll(payee, thief) })
  })
  return () => page.unrouteAll({ behavior: 'wait' })
}

describe('a server that says something else at the moment of paying', () => {
  it('gets no transaction, no batch and no signature, and the payer is told', async () => {
    const page = await openWallet(5)
    const handedIn: string[] = []
    page.on('request', (request) => {
      if (/sendRawTransaction|signature/.test(request.postData() ?? '')) handedIn.push(request.url())
    })
    const payee = await payeeOf(page)
    const { id } = await ask(payee, '19')
    const gasless = page.getByRole('button', { name: 'Sign only: no network fee' })
    await gasless.waitFor()
    for (const [button, words] of [
      [pay(page), 'What is to be paid has changed. Nothing was signed: read it again.'],
      [gasless, 'What is to be signed is not what was asked. Nothing was signed.'],
    ] as const) {
      const beHonest = await lie(page, `**/vouchers/${id}`)
      await button.click()
      await page.getByText(words).waitFor()
      await beHonest()
      await page.reload()
      await unlock(page)
    }

    const beHonest = await lie(page, '**/sessions/*/payments?*')
    await askInSession(payee, ['20', '21'])
    await page.getByRole('button', { name: 'Pay all 2 with one signature' }).click()
    await page.getByText('What is to be paid has changed. Nothing was signed: read it again.').waitFor()
    await beHonest()
    assert.deepEqual(handedIn, [])
  })
})

describe('a register and a wallet, side by side', () => {
  it('take and make one payment, and one session with one signature', async () => {
    const wallet = await openWallet(1)
    const register = await openRegister()
    const code = await showCode(wallet)
    await register.getByRole('textbox', { name: 'Amount' }).fill('21')
    await register.getByLabel('Six characters').fill(code)
    await register.getByRole('button', { name: 'Ask for 21 EURC' }).click()
    await wallet.getByRole('heading', { name: 'Corner shop asks for a payment' }).waitFor()
    const shown = wallet.getByRole('img', { name: /^Voucher code: / })
    await register.getByRole('img', { name: (await shown.getAttribute('aria-label')) ?? '' }).waitFor()
    await pay(wallet).click()
    await register.getByText('Paid. The goods may go').waitFor()
    await chain.client.mine({ blocks: 2 })
    await register.getByText('Paid and settled').waitFor()
    await settledFor(wallet, '21 EURC').waitFor()

    await register.getByRole('button', { name: 'New sale' }).click()
    await register.getByRole('textbox', { name: 'Amount' }).fill('10')
    await register.getByRole('button', { name: 'Add another line' }).click()
    await register.getByRole('textbox', { name: 'Amount' }).fill('5')
    await register.getByLabel('Currency').selectOption('USDC')
    await register.getByLabel('Six characters').fill(code)
    await register.getByRole('button', { name: 'Ask for 10 EURC and 5 USDC' }).click()
    await wallet.getByRole('button', { name: 'Pay all 2 with one signature' }).click()
    await register.getByText('Paid. The goods may go').waitFor()
    await chain.client.mine({ blocks: 2 })
    await register.getByText('Paid and settled').waitFor()
    for (const amount of ['10 EURC', '5 USDC']) await settledFor(wallet, amount).waitFor()
  })
})

describe('a wallet page whose time runs out', () => {
  it('refuses, shows what has expired, and finds both in its history', async () => {
    const page = await openWallet(4)
    const payee = await payeeOf(page)
    const refused = await ask(payee, '11')
    const line = (hasText: RegExp) => page.locator('.ledger__line', { hasText })
    await line(/You have.*\d EURC and .*\d POL/).waitFor()
    await line(/Network fee, estimated.*0\.\d+ POL/).waitFor()
    await page.getByRole('button', { name: 'Refuse' }).click()
    await standing(page, 'You refused it').waitFor()
    assert.equal((await payee.getVoucher(refused.id)).discardedBy, 'payer')
    const error = { code: -32_000, message: 'no' }
    await page.route('**/sandbox/rpc', (route) => route.fulfill({ json: { jsonrpc: '2.0', id: 1, error } }))
    const withdrawn = await ask(payee, '13')
    await line(/You have.*not known just now/).waitFor()
    await pay(page).waitFor()
    await payee.discardVoucher(withdrawn.id)
    await standing(page, 'The shop called it off').waitFor()

    const expired = await ask(payee, '12')
    await pay(page).waitFor()
    server.clock.advance(600_000)
    await standing(page, 'Expired').waitFor()
    await pay(page).waitFor({ state: 'detached' })
    await page.getByLabel('Search').fill(expired.code)
    await page.getByText('1 of 3 payments').waitFor()
    assert.equal(await standing(page, 'You refused it').count(), 0)
    await assertAccessible(page, 'the history, searched')
  })
})

const settledFor = (page: Page, amount: string) =>
  page.getByRole('listitem').filter({ hasText: amount }).filter({ hasText: 'Settled' })

async function openRegister(): Promise<TestPage> {
  const page = await open('/register')
  await page.getByLabel('Your wallet’s address').fill(devAccount(3).address)
  await page.getByLabel('Name of the shop').fill('Corner shop')
  await page.getByRole('button', { name: 'Save' }).click()
  return page
}
