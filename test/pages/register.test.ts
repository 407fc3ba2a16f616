import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { BrowserContextOptions, Locator } from 'playwright-core'
import { encodeFunctionData, erc20Abi } from 'viem'
import { type ContextView, createPayee, createPayer, type Payee, signIn } from '../../src/client/index.ts'
import { eventually, UNVERIFIED_NETWORK, unverifiedNetwork } from '../support/server.ts'
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
import { CONFIRMATIONS, type Counter, openCounter } from './counter.ts'
import { NO_CRYPTOGRAPHY, NO_MEMORY, NO_STREAMS, OLDER_BROWSER } from './older.ts'
import { showToCamera } from './qr-camera.ts'

const SHOP = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
const PARTNER = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'

const SETTINGS = 'sixpence.register.settings'

const WAITING = 'Waiting for the payer'
const PAID = 'Paid. The goods may go'
const SETTLED = 'Paid and settled'

let counter: Counter
let browser: TestBrowser
/** The page of most tests: a profile of its own for each would cost more than all that they do. */
let desk: TestPage
let pages: TestPage[] = []

before(async () => {
  browser = await openBrowser()
  counter = await openCounter([unverifiedNetwork()])
  desk = await browser.open(counter.url)
})
afterEach(async () => {
  for (const page of pages) await page.context().close()
  pages = []
})
after(() => browser.close(() => counter.stop()))

/** A register in a profile of its own. */
async function openNewRegister(options: BrowserContextOptions & { lacking?: string } = {}): Promise<TestPage> {
  const page = await browser.open(`${counter.url}/register`, options)
  pages.push(page)
  return page
}

async function setUp(page: TestPage): Promise<void> {
  await page.getByLabel('Your wallet’s address').fill(SHOP)
  await page.getByLabel('Name of the shop').fill('Corner shop')
  await page.getByRole('button', { name: 'Save' }).click()
  await amountOf(page).waitFor()
}

/** The register at the desk, as new but for where it is paid. */
async function openRegister(): Promise<TestPage> {
  const settings = JSON.stringify({ wallet: SHOP, shopName: 'Corner shop' })
  await desk.emulateMedia({ media: null })
  await desk.goto(counter.url)
  await desk.evaluate(`localStorage.clear(); localStorage.setItem('${SETTINGS}', '${settings}')`)
  await desk.goto(`${counter.url}/register`)
  await amountOf(desk).waitFor()
  return desk
}

const amountOf = (page: TestPage): Locator => page.getByRole('textbox', { name: 'Amount' })
const codeOf = (page: TestPage): Locator => page.getByLabel('Six characters')

async function ask(page: TestPage, { amount, code }: { amount: string; code: string }): Promise<void> {
  await amountOf(page).fill(amount)
  await codeOf(page).fill(code)
  await page.getByRole('button', { name: /^Ask for/ }).click()
}

/** The sentence that tells how the sale stands. */
async function says(page: TestPage, sentence: string): Promise<void> {
  await page.getByRole('region', { name: 'The sale' }).getByText(sentence).waitFor()
}

/** What the register shows of the codes to compare, in its order. */
async function codesOn(page: TestPage, label: string): Promise<string[]> {
  const shown = await page.getByRole('img', { name: label }).all()
  const said = await Promise.all(shown.map((one) => one.getAttribute('aria-label')))
  return said.map((words) => (words ?? '').slice(label.length + 1).replaceAll(' ', ''))
}

/** The voucher that the payer sees under a code. */
async function asked(code: string) {
  const vouchers = await counter.payer.listVouchers({ status: 'REDEEMED' })
  const voucher = vouchers.find((one) => one.code === code)
  assert.ok(voucher, `the payer is not asked for ${code}`)
  return voucher
}

async function pay(page: TestPage): Promise<void> {
  const [code = ''] = await codesOn(page, 'Voucher code')
  await counter.payer.pay((await asked(code)).id, counter.wallet)
}

function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => element.matches(':focus'))
}

async function tabTo(page: TestPage, target: Locator): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if (await hasFocus(target)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`the keyboard does not get to ${target}`)
}

describe('a sale', () => {
  it('goes from the first visit to settlement by keyboard alone, and everybody can read each step', async () => {
    const { code } = await counter.openContext()
    const page = await openNewRegister()
    const looksRight = async (state: string) => assertAccessible(page, state)

    await tabTo(page, page.getByLabel('Your wallet’s address'))
    await looksRight('the first visit')
    await page.keyboard.type(SHOP)
    await page.keyboard.press('Enter')

    await eventually(() => hasFocus(amountOf(page)))
    await page.keyboard.type('1250,5')
    await tabTo(page, codeOf(page))
    await page.keyboard.type(` ${code.slice(0, 3).toLowerCase()}-${code.slice(3)}`)
    assert.equal(await codeOf(page).inputValue(), code)
    await page.getByRole('button', { name: 'Ask for 1\u202f250.50 EURC' }).waitFor()
    await looksRight('the till')
    await page.keyboard.press('Enter')

    await says(page, WAITING)
    await page.getByRole('timer').waitFor()
    await looksRight('waiting')
    const [voucherCode = ''] = await codesOn(page, 'Voucher code')
    const voucher = await asked(voucherCode)
    assert.deepEqual(voucher.payeeInfo ?? {}, {})
    assert.deepEqual([voucher.expectedPayment?.amount, voucher.expectedPayment?.currency], ['1250.5', 'EURC'])
    assert.equal(voucher.expectedPayment?.wallet.address, SHOP)
    assert.ok(await page.getByText(short(counter.wallet.address)).isVisible(), 'it says who is asked')

    await pay(page)
    await says(page, PAID)
    const progress = page.getByRole('progressbar', { name: 'Confirmations' })
    assert.equal(await progress.getAttribute('aria-valuetext'), `1 of ${CONFIRMATIONS}`)
    await looksRight('paid')
    await counter.mine(CONFIRMATIONS)
    await says(page, SETTLED)
    await looksRight('settled')

    await tabTo(page, page.getByRole('button', { name: 'New sale' }))
    await page.keyboard.press('Enter')
    await amountOf(page).waitFor()
    assert.deepEqual([await amountOf(page).inputValue(), await codeOf(page).inputValue()], ['', ''])
  })

  it('is keyed in by touch on a narrow phone, in the dark, and nothing has to be scrolled sideways', async () => {
    const { code } = await counter.openContext()
    const page = await openNewRegister({
      viewport: PHONE,
      hasTouch: true,
      colorScheme: 'dark',
      reducedMotion: 'reduce',
    })
    await setUp(page)
    for (const key of ['1', '0', 'point', '5', '0', '9', 'delete the last character']) {
      await page.getByRole('button', { name: key, exact: true }).tap()
    }
    assert.equal(await amountOf(page).inputValue(), '10.50')
    await codeOf(page).fill(code)
    await assertFitsWidth(page, 'the till')
    await page.getByRole('button', { name: /^Ask for/ }).tap()
    await says(page, WAITING)
    await assertFitsWidth(page, 'waiting')
    await assertAccessible(page, 'waiting, dark')
    await pay(page)
    await says(page, PAID)
    await assertFitsWidth(page, 'paid')
    await page.getByRole('button', { name: 'History' }).tap()
    await assertFitsWidth(page, 'history')
    await assertAccessible(page, 'history, dark')
  })

  it('takes no address with a slip in it, shows the whole one, and has what is next in the first view of a phone', async () => {
    const page = await openNewRegister({ viewport: HAND, reducedMotion: 'reduce' })
    const wallet = page.getByLabel('Your wallet’s address')
    for (const [address, why] of [
      [SHOP.replace('EB2c', 'eB2c'), 'This address has a slip in it'],
      [`0x${'0'.repeat(40)}`, 'This is the zero address'],
      [SHOP.slice(0, -1), 'An address is 0x and 40'],
    ] as const) {
      await wallet.fill(address)
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByText(why).waitFor()
    }
    await setUp(page)
    await assertInFirstView(page.getByRole('button', { name: 'Ask for payment' }))
    await page.getByText(`Paid to ${short(SHOP)}`).click()
    const groups = await page.locator('.address__group:visible').allTextContents()
    assert.deepEqual(groups, ['0x', ...(SHOP.slice(2).match(/.{4}/g) ?? [])])
    await page.getByLabel('Pay this line to').fill(PARTNER.replace('DB7D', 'db7d'))
    await amountOf(page).fill('1')
    await page.getByRole('button', { name: /^Ask for/ }).click()
    await page.getByText('This address has a slip in it').waitFor()

    await page.route('**/finance/currencies*', (route) => route.fulfill({ status: 429 }))
    await page.reload()
    await page.getByText('There is no currency to ask in.').waitFor()
    await assertAccessible(page, 'no currencies')
    for (const size of ['100%', '200%']) {
      await page.evaluate(`document.documentElement.style.fontSize = '${size}'`)
      await assertFitsWidth(page, `no currencies, text at ${size}`)
    }
    await page.unrouteAll({ behavior: 'wait' })
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByLabel('Currency').waitFor()
    await assertFitsWidth(page, 'the till, text at 200%')
  })

  it('says what is wrong with an amount or a code, and keeps what was keyed in', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await page.getByRole('button', { name: 'Ask for payment' }).click()
    await page.getByText('Key in an amount first').waitFor()
    await ask(page, { amount: '0.1234567', code })
    await page.getByText('has 7 decimal places; this currency has 6').waitFor()
    await ask(page, { amount: '7', code: code.slice(0, 5) })
    await page.getByText('A code has six characters').waitFor()

    await ask(page, { amount: '7', code: code === '000000' ? '000001' : '000000' })
    await page.getByText('No payer has opened a context with this code').waitFor()
    assert.equal(await amountOf(page).inputValue(), '7')
    assert.equal(await codeOf(page).getAttribute('aria-invalid'), 'true')
    await assertAccessible(page, 'a wrong code')

    await codeOf(page).fill(code)
    await page.keyboard.press('Enter')
    await says(page, WAITING)
  })

  it('that either side calls off says so, and which of them did', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '4', code })
    await says(page, WAITING)
    const [voucherCode = ''] = await codesOn(page, 'Voucher code')
    await counter.payer.discardVoucher((await asked(voucherCode)).id)
    await says(page, 'Not paid: the payer refused it')
    await assertAccessible(page, 'refused')

    await page.getByRole('button', { name: 'New sale' }).click()
    await ask(page, { amount: '4', code })
    await says(page, WAITING)
    const [next = ''] = await codesOn(page, 'Voucher code')
    const { id } = await asked(next)
    await page.getByRole('button', { name: 'Call it off' }).click()
    await assertAccessible(page, 'asked whether to call it off')
    await page.getByRole('dialog').getByRole('button', { name: 'Call it off' }).click()
    await says(page, 'Not paid: it was called off')
    assert.equal((await counter.payer.getVoucher(id)).status, 'DISCARDED')
  })

  it('of which too little arrives says how much and from whom, and goes on when the rest comes', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '7', code })
    await says(page, WAITING)
    const [voucherCode = ''] = await codesOn(page, 'Voucher code')
    const { id, payments = [] } = await asked(voucherCode)
    const [payment] = payments
    assert.ok(payment)
    const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [SHOP, 5_000_000n] })
    const { chainId, input } = payment
    const transactionHash = await counter.wallet.sendTransaction({ chainId, to: input.to, value: 0n, data })
    await counter.wallet.waitForTransaction(transactionHash)
    await assert.rejects(counter.payer.resolveVoucher(id, [{ paymentId: payment.id, transactionHash }]))

    const notice = page.getByRole('alert').filter({ hasText: 'Too little has arrived' })
    await notice.waitFor()
    assert.match((await notice.textContent()) ?? '', new RegExp(`5.*EURC.*From ${counter.wallet.address}`))
    await assertAccessible(page, 'too little has arrived')
    await pay(page)
    await says(page, PAID)
    await notice.waitFor({ state: 'detached' })
  })

  it('whose payment the chain undoes says so', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '6', code })
    await says(page, WAITING)
    await pay(page)
    await says(page, PAID)
    await counter.chain.reorg(1)
    await eventually(async () => {
      await counter.mine(1)
      return page.getByText('Not paid: the chain undid the payment').isVisible()
    })
    await says(page, 'Not paid: the chain undid the payment')
    await assertAccessible(page, 'failed')
  })
})

describe('a sale of several lines', () => {
  it('is one session: split between recipients, in two currencies, each line with its code and its state', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await amountOf(page).fill('10')
    await page.getByRole('button', { name: 'Add another line' }).click()
    await amountOf(page).fill('5')
    await page.getByLabel('Currency').selectOption('USDC')
    await page.getByText(`Paid to ${short(SHOP)}`).click()
    await page.getByLabel('Pay this line to').fill(PARTNER)
    await codeOf(page).fill(code)
    await assertAccessible(page, 'two lines in the till')
    await page.getByRole('button', { name: 'Ask for 10 EURC and 5 USDC' }).click()
    await says(page, WAITING)
    await assertAccessible(page, 'a session that waits')

    const [sessionCode] = await codesOn(page, 'Session code')
    const [session] = await counter.payer.listSessions({ limit: 1 })
    assert.ok(session)
    assert.equal(session.code, sessionCode)
    const vouchers = await Promise.all((await codesOn(page, 'Voucher code')).map(asked))
    assert.deepEqual(
      vouchers.map(({ expectedPayment }) => [
        expectedPayment?.amount,
        expectedPayment?.currency,
        expectedPayment?.wallet.address,
      ]),
      [
        ['10', 'EURC', SHOP],
        ['5', 'USDC', PARTNER],
      ],
    )

    const [first] = vouchers
    assert.ok(first)
    await counter.payer.pay(first.id, counter.wallet)
    await page.getByRole('list', { name: 'Lines' }).getByText(/Paid$/).waitFor()
    await says(page, WAITING)
    await counter.payer.paySession(session.id, counter.wallet)
    await says(page, PAID)
    await counter.mine(CONFIRMATIONS)
    await says(page, SETTLED)
    await assertAccessible(page, 'a session that is settled')
  })

  it('of which the server refuses one is called off as a whole, and says why', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await amountOf(page).fill('10')
    await page.getByRole('button', { name: 'Add another line' }).click()
    await page.getByText(`Paid to ${short(SHOP)}`).click()
    const [token] = (await counter.payer.listCurrencies()).filter(({ symbol }) => symbol === 'EURC')
    await page.getByLabel('Pay this line to').fill(token?.address ?? '')
    await ask(page, { amount: '1', code })
    await page.getByText('The address that is to be paid is the contract of the token EURC').waitFor()
    await says(page, 'Not paid: it was called off')
    await assertAccessible(page, 'refused halfway')
  })
})

describe('registers', () => {
  it('with one code each have their own voucher, and see nothing of the other', async () => {
    const { code } = await counter.openContext()
    const [one, other] = [await openRegister(), await openNewRegister()]
    await setUp(other)
    await ask(one, { amount: '1', code })
    await ask(other, { amount: '2', code })
    await says(one, WAITING)
    await says(other, WAITING)
    assert.notDeepEqual(await codesOn(one, 'Voucher code'), await codesOn(other, 'Voucher code'))
    await pay(other)
    await says(other, PAID)
    await says(one, WAITING)
    await pay(one)
    await says(one, PAID)
  })

  it('take the code from the QR code of a wallet', async () => {
    const { code } = await counter.openContext()
    const page = await openNewRegister()
    await setUp(page)
    await showToCamera(page, `${counter.url}/register#${code}`)
    await page.reload()
    await page.getByRole('button', { name: 'Scan the payer’s QR code' }).click()
    await eventually(async () => (await codeOf(page).inputValue()) === code)

    await page.goto(`${counter.url}/register?by=camera#${code}`)
    await eventually(async () => (await codeOf(page).inputValue()) === code)
  })

  it('show a sale to a phone that scans it, whose wallet is asked and pays, in browsers of two years ago', async () => {
    const page = await openNewRegister({ viewport: PHONE, lacking: OLDER_BROWSER })
    assert.deepEqual(await page.evaluate('[Promise.withResolvers, URL.canParse, AbortSignal.any].join()'), ',,')
    await setUp(page)
    await amountOf(page).fill('24.80')
    const finding = page.waitForRequest(/context-find$/)
    await page.getByRole('button', { name: 'Let the payer scan' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('img', { name: 'QR code of this sale' }).waitFor()
    await assertAccessible(page, 'a sale to be scanned')
    await assertFitsWidth(page, 'a sale to be scanned')
    const link = (await dialog.getByRole('link').getAttribute('href')) ?? ''

    const { secret } = (await finding).postDataJSON()
    const tellsSecret = (url: string, headers: object) => `${url} ${JSON.stringify(headers)}`.includes(secret)
    assert.ok(secret.length === 43 && !link.includes(secret), 'who sees the code learns no secret')
    const leaks: string[] = []
    page.on('request', (request) => {
      const isBodyOfFind = request.url().endsWith('/context-find')
      if (tellsSecret(request.url(), request.headers()) || (!isBodyOfFind && request.postData()?.includes(secret)))
        leaks.push(request.url())
    })

    const wallet = await browser.open(link, { viewport: PHONE, colorScheme: 'dark', lacking: OLDER_BROWSER })
    pages.push(wallet)
    const sale = wallet.getByRole('region', { name: 'Corner shop wants to ask you for a payment' })
    await sale.getByText('24.80 EURC').waitFor()
    assert.equal(await sale.getByRole('button', { name: 'Let it ask' }).count(), 0, 'nobody has opened this wallet')
    await wallet.getByLabel('Passphrase').fill('correct horse battery')
    await wallet.getByRole('button', { name: 'Make this wallet' }).click()
    await sale.getByRole('button', { name: 'Let it ask' }).waitFor()
    await assertAccessible(wallet, 'a sale that was scanned')
    await assertFitsWidth(wallet, 'a sale that was scanned')
    await sale.getByRole('button', { name: 'Let it ask' }).click()
    await wallet.getByRole('heading', { name: 'Corner shop asks for a payment' }).waitFor()
    await sale.waitFor({ state: 'hidden' })
    assert.equal(new URL(wallet.url()).hash, '')
    await says(page, WAITING)
    assert.deepEqual(await codesOn(page, 'Voucher code'), await codesOn(wallet, 'Voucher code'))
    await wallet.getByRole('button', { name: 'Pay', exact: true }).click()
    await says(page, PAID)
    assert.deepEqual(leaks, [])

    await showToCamera(wallet, link)
    await wallet.reload()
    await wallet.getByLabel('Passphrase').fill('correct horse battery')
    await wallet.keyboard.press('Enter')
    await wallet.getByRole('button', { name: 'Scan the shop’s QR code' }).click()
    await sale.getByRole('button', { name: 'Let it ask' }).click()
    await sale.getByText('This invitation has been answered already').waitFor()
    await sale.getByRole('button', { name: 'No' }).click()
    await wallet.goto(`${counter.url}/wallet#invitation=${'A'.repeat(42)}&shop=Corner+shop`)
    await wallet.getByText('The link of this sale is not whole').waitFor()
  })

  it('say by name what the browser lacks, and that it is not the server', async () => {
    for (const path of ['register', 'wallet']) {
      const lacking = [NO_MEMORY, NO_STREAMS, NO_CRYPTOGRAPHY].join('\n')
      const page = await browser.open(`${counter.url}/${path}`, { lacking })
      pages.push(page)
      for (const name of ['localStorage', 'ReadableStream']) {
        await page.getByText(`This browser has no ${name}, or keeps it from this page`).waitFor()
      }
      if (path === 'register') {
        await setUp(page)
        await amountOf(page).fill('24.80')
        await page.getByRole('button', { name: 'Let the payer scan' }).click()
      }
      await page.getByText('The browser gives this page no cryptography (Web Crypto)').waitFor()
      assert.equal(await page.getByText('cannot be reached').count(), 0)
    }
  })

  it('are set up by a link only as somebody agrees to, and leave nothing of it in the address', async () => {
    const { key } = await counter.payer.createApiKey({ name: 'by link' })
    const page = await openRegister()
    const follow = (fragment: string) => page.goto(`${counter.url}/register#${fragment}`)
    const question = page.getByRole('dialog')
    await follow(`wallet=${PARTNER}&shop=Other+shop&key=${key}`)
    await question.getByText(SHOP).waitFor()
    await question.getByText(PARTNER).waitFor()
    assert.equal(new URL(page.url()).hash, '')
    await assertAccessible(page, 'a link that wants to change the wallet')
    await question.getByRole('button', { name: 'Change nothing' }).click()
    await question.waitFor({ state: 'hidden' })
    assert.deepEqual(await settingsOf(page), { wallet: SHOP, shopName: 'Corner shop', apiKey: '' })

    await follow(`wallet=${PARTNER}&shop=Other+shop&key=${key}`)
    await question.getByRole('checkbox').check()
    await question.getByRole('button', { name: 'Change it' }).click()
    await page.getByText(`Paid to ${short(PARTNER)}`).waitFor()
    await question.waitFor({ state: 'hidden' })
    assert.deepEqual(await settingsOf(page), { wallet: PARTNER, shopName: 'Other shop', apiKey: key })

    await follow(`wallet=${SHOP}&key=sxp_${'A'.repeat(43)}`)
    await question.getByText('This register has a key already').waitFor()
    assert.deepEqual(await settingsOf(page), { wallet: PARTNER, shopName: 'Other shop', apiKey: key })
  })
})

describe('a register with an account', () => {
  const who = { email: 'owner@corner.example', password: 'correct horse battery staple' }
  const owner = async () => createPayer({ url: counter.url, token: await signIn({ url: counter.url, ...who }) })

  async function enter(page: TestPage, button: string): Promise<void> {
    await page.getByLabel('Email').fill(who.email)
    await page.getByLabel('Password').fill(who.password)
    await page.getByRole('button', { name: button }).click()
  }

  it('signs in once, asks with a key of its own, and ends that key when it signs out', async () => {
    const page = await openRegister()
    await page.getByRole('button', { name: 'Settings' }).click()
    await enter(page, 'Sign in')
    await page.getByText('There is no account with these credentials').waitFor()
    await assertAccessible(page, 'signing in')
    await enter(page, 'Make an account')
    await page.getByText('“Register at Corner shop”').waitFor()
    await assertAccessible(page, 'signed in')
    const kept = await page.evaluate<string>('JSON.stringify([localStorage, sessionStorage])')
    assert.ok(!kept.includes(who.password) && !kept.includes('eyJ'), 'neither the password nor a token is kept')

    const { listApiKeys } = await owner()
    const newestKey = async () => (await listApiKeys())[0]
    assert.deepEqual([(await newestKey())?.name, (await newestKey())?.revokedAt], ['Register at Corner shop', null])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await eventually(async () => (await newestKey())?.revokedAt !== null)
    assert.equal((await settingsOf(page)).apiKey, '')

    await enter(page, 'Sign in')
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    await page.duringOutage(async () => {
      await page.context().setOffline(true)
      await page.getByRole('button', { name: 'Sign out' }).click()
      await page.getByText(`sixpence keys revoke ${(await newestKey())?.id}`).waitFor()
      await page.context().setOffline(false)
    })
    await assertAccessible(page, 'signed out while the server was away')
    assert.equal((await settingsOf(page)).apiKey, '')
  })

  it('shows what the account sold at every register, adds up the whole day, and says while that is not whole', async () => {
    const { key } = await (await owner()).createApiKey({ name: 'another register' })
    const elsewhere = createPayee({ url: counter.url, apiKey: key })
    const context = await counter.openContext()
    await Promise.all(Array.from({ length: 103 }, (_, sold) => sell(elsewhere, context, `${sold}.25`)))

    const page = await openRegister()
    await bringKey(page, key)
    await ask(page, { amount: '1.10', code: context.code })
    await says(page, WAITING)
    await pay(page)
    await says(page, PAID)

    const { promise: mayCome, resolve: letCome } = Promise.withResolvers<void>()
    await page.route(/offset=100/, async (route) => {
      await mayCome
      await route.continue()
    })
    await page.getByRole('button', { name: 'History' }).click()
    const total = page.getByRole('region', { name: 'The day’s total' })
    await total.getByText('Not all yet').waitFor()
    letCome()
    await total.getByText('All sales of the account').waitFor()
    await page.getByText(/: 104 sales/).waitFor()
    await total.getByText('5\u202f278.75').first().waitFor()
    await total.getByText('1.10').first().waitFor()
    await assertAccessible(page, 'the history of an account')

    const late = await askElsewhere(elsewhere, context, '721.25')
    await page.getByRole('button', { name: /721\.25 EURC.*Waiting/ }).waitFor()
    await payElsewhere(late)
    await total.getByText('6\u202f000').first().waitFor()
    await page.duringOutage(async () => {
      await page.context().setOffline(true)
      await page.getByLabel('Search all days').fill('721.25')
      await page.getByText('All days: 1 sale').waitFor()
      await page.getByText('sales of other registers may be missing').first().waitFor()
      await page.context().setOffline(false)
    })
    await page.getByRole('button', { name: /721\.25 EURC/ }).click()
    await says(page, 'Paid, by the payer’s word')
  })
})

describe('a sale under way', () => {
  it('goes on where it was when the server comes back, and when the page does', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '9', code })
    await says(page, WAITING)
    await page.duringOutage(async () => {
      await counter.restart()
      await pay(page)
      await says(page, PAID)
    })
    await page.reload()
    await amountOf(page).waitFor()
    await page.getByRole('button', { name: 'History' }).click()
    await page.getByRole('button', { name: /9 EURC/ }).click()
    await says(page, PAID)
    await counter.mine(CONFIRMATIONS)
    await says(page, SETTLED)
  })

  it('says when the server cannot be reached, and goes on when it can', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '2', code })
    await says(page, WAITING)
    await page.duringOutage(async () => {
      await page.context().setOffline(true)
      await page.getByText('The server cannot be reached right now').waitFor()
      await assertAccessible(page, 'cut off')
      await page.context().setOffline(false)
      await pay(page)
      await says(page, PAID)
    })
    await page.getByText('The server cannot be reached right now').waitFor({ state: 'hidden' })
  })

  it('is asked for once, though the page was loaded anew while it asked, and cannot be called off before', async () => {
    const { id, code } = await counter.openContext()
    const page = await openRegister()
    await page.route(/redeem-voucher$/, (route) => route.abort())
    await page.duringOutage(async () => {
      const failed = page.waitForEvent('requestfailed')
      await ask(page, { amount: '2', code })
      await failed
      const callOff = page.getByRole('button', { name: 'Call it off' })
      assert.equal(await callOff.count(), 0)
      await page.unroute(/redeem-voucher$/)
      await page.reload()
      await says(page, WAITING)
      await callOff.waitFor()
    })
    const vouchers = (await counter.payer.listVouchers()).filter(({ contextId }) => contextId === id)
    assert.deepEqual(
      vouchers.map(({ status }) => status),
      ['REDEEMED'],
    )

    const before = await codesOn(page, 'Voucher code')
    await page.reload()
    await says(page, WAITING)
    assert.deepEqual(await codesOn(page, 'Voucher code'), before)
    await pay(page)
    await says(page, PAID)
  })
})

describe('the history', () => {
  it('adds up the day, finds sales by what is on their receipts, and prints those', async () => {
    const page = await openRegister()
    const transactions: string[] = []
    for (const amount of ['1.10', '2.20']) {
      await ask(page, { amount, code: (await counter.openContext()).code })
      await says(page, WAITING)
      const [voucherCode = ''] = await codesOn(page, 'Voucher code')
      const { id } = await asked(voucherCode)
      await counter.payer.pay(id, counter.wallet)
      await says(page, PAID)
      const { settlement } = await counter.payer.getVoucher(id)
      transactions.push(settlement?.transactions[0]?.transactionHash ?? '')
      await page.getByRole('button', { name: 'New sale' }).click()
    }
    await page.getByRole('button', { name: 'History' }).click()
    const total = page.getByRole('region', { name: 'The day’s total' })
    await total.getByText('3.30').first().waitFor()
    const rows = await total.getByRole('table', { name: 'EURC by hour' }).locator('tbody tr').count()
    assert.ok(rows === 1 || rows === 2, 'in one hour, or at its turn')
    await assertAccessible(page, 'history')

    await page.getByLabel('Search all days').fill(transactions[1] ?? 'none')
    await page.getByText('All days: 1 sale').waitFor()
    await page.getByRole('button', { name: /2\.20 EURC/ }).click()
    await says(page, PAID)
    await page.emulateMedia({ media: 'print' })
    // biome-ignore lint/performance/useDomNodeTextContent: what is not printed is in the document all the same
    const printed = await page.locator('body').innerText()
    assert.match(printed, /^Corner shop/)
    assert.ok(printed.includes(transactions[1] ?? 'none'))
    assert.ok(!printed.includes('New sale'))
  })
})

describe('a sale that nobody pays in time', () => {
  it('says so, and can be asked for again', async () => {
    const { code } = await counter.openContext()
    const page = await openRegister()
    await ask(page, { amount: '3', code })
    await says(page, WAITING)
    counter.advance(11 * 60_000)
    await says(page, 'Not paid: the time is up')
    await assertAccessible(page, 'expired')
    await page.getByRole('button', { name: 'Ask again for what is unpaid' }).click()
    await codeOf(page).fill((await counter.openContext()).code)
    await page.getByRole('button', { name: 'Ask for 3 EURC' }).click()
    await says(page, WAITING)
  })
})

/** What the browser keeps of what a link may want to change. */
async function settingsOf(page: TestPage): Promise<{ wallet: string; shopName: string; apiKey: string }> {
  const {
    wallet,
    shopName,
    apiKey = '',
  } = JSON.parse(await page.evaluate<string>(`localStorage.getItem('${SETTINGS}')`))
  return { wallet, shopName, apiKey }
}

async function bringKey(page: TestPage, key: string): Promise<void> {
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByText('Use an API key that you have').click()
  await page.getByLabel('API key').fill(key.slice(1))
  await page.getByRole('button', { name: 'Use this key' }).click()
  await page.getByText('A key is sxp_').waitFor()
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Use this key' }).click()
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
}

/** Sells on a network without a node, where the payer's word is taken. */
async function sell(payee: Payee, context: ContextView, amount: string): Promise<void> {
  await payElsewhere(await askElsewhere(payee, context, amount))
}

async function askElsewhere(payee: Payee, { code }: ContextView, amount: string): Promise<string> {
  const { id } = await payee.reserveVoucher(code)
  const expectedPayment = { network: UNVERIFIED_NETWORK, currency: 'EURC', amount, wallet: { address: PARTNER } }
  await payee.redeemVoucher(id, { expectedPayment })
  return id
}

async function payElsewhere(id: string): Promise<void> {
  const { payments = [] } = await counter.payer.getVoucher(id)
  const receipts = payments.map((payment) => ({ paymentId: payment.id }))
  await counter.payer.resolveVoucher(id, receipts)
}

function short(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`
}
