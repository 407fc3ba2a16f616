import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { launchChromium } from '../test/pages/chromium.ts'
import { type Camera, openCamera } from './camera.ts'
import { startSandbox } from './sandbox.ts'

/**
 * Takes the pictures that the documents show: plays a day at a shop, in two windows, on a sandbox of its own. Codes,
 * hashes, ports and the wallet's times are others on each run.
 */

const PICTURES = process.argv[2] ?? join(import.meta.dirname, '../docs/images')

const SHOP = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
const OPENING_MS = Date.parse('2026-03-14T08:12:00Z')
const HOUR_MS = 3_600_000

const DESK = { width: 1000, height: 480 }
const PHONE = { width: 320, height: 480 }
/** Windows of one height, beside each other. */
const SHOP_WINDOW = { width: 780, height: 740 }
const PAYER_WINDOW = { width: 440, height: 740 }

const folder = await mkdtemp(join(tmpdir(), 'sixpence-pictures-'))
const sandbox = await startSandbox(folder)
const browser = await launchChromium()
try {
  await takePictures(await openCamera(browser, PICTURES), sandbox.url)
} finally {
  await browser.close()
  await sandbox.stop()
  await rm(folder, { recursive: true })
}

async function takePictures(camera: Camera, url: string): Promise<void> {
  await camera.take(await camera.open(url, { viewport: { width: 1000, height: 680 } }), 'start')
  await takeDocs(camera, url)
  const wallet = await openWallet(camera, url, 1)
  const register = await openRegister(camera, url)
  const code = await showCode(wallet)
  await camera.take(wallet, 'wallet-code')
  await takeOnePayment(camera, register, wallet, code)
  await takeHistory(camera, register, wallet, code)
  await takeSession(camera, register, await openWallet(camera, url, 2))
}

async function takeDocs(camera: Camera, url: string): Promise<void> {
  const docs = await camera.open(`${url}/docs`, { viewport: DESK })
  await docs.getByRole('navigation', { name: 'Guides and routes' }).waitFor()
  await camera.takeFirstView(docs, 'docs')
}

/** From the keypad to the settlement. */
async function takeOnePayment(camera: Camera, register: Page, wallet: Page, code: string): Promise<void> {
  for (const key of ['2', '4', 'point', '8', '0']) await press(register, key)
  await takeScan(camera, register)
  await register.getByLabel('Six characters').fill(code)
  await camera.take(register, 'register-till')
  await press(register, 'Ask for 24.80 EURC')
  await says(register, 'Waiting for the payer')
  await wallet.getByRole('button', { name: 'Pay', exact: true }).waitFor()
  await register.setViewportSize(SHOP_WINDOW)
  await wallet.setViewportSize(PAYER_WINDOW)
  await camera.takeBoth([register, wallet], 'two-windows')
  await register.setViewportSize(DESK)
  await wallet.setViewportSize(DESK)
  await camera.take(wallet.getByRole('region', { name: 'Corner shop asks for a payment' }), 'wallet-request')
  await press(wallet, 'Pay')
  await register.getByText('1 of 3').waitFor()
  await camera.take(register, 'register-paid')
  await says(register, 'Paid and settled')
  await camera.take(register, 'register-settled')
  await wallet.getByText('Paid and final').waitFor()
  await camera.take(wallet.getByRole('region', { name: 'Receipt' }), 'wallet-settled')
  await press(register, 'New sale')
}

/** The sale as a QR code, for a payer who tells no code. */
async function takeScan(camera: Camera, register: Page): Promise<void> {
  await press(register, 'Let the payer scan')
  const dialog = register.getByRole('dialog')
  await dialog.getByRole('img', { name: 'QR code of this sale' }).waitFor()
  await camera.take(dialog, 'register-scan')
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'hidden' })
}

/** A day's sales; one of them is called off. */
async function takeHistory(camera: Camera, register: Page, wallet: Page, code: string): Promise<void> {
  for (const [nth, amount] of ['18.60', '7.50', '36.40', '12.90', '21.30'].entries()) {
    await register.clock.setFixedTime(OPENING_MS + (nth + 1) * 1.4 * HOUR_MS)
    await ask(register, amount, code)
    await press(wallet, 'Pay')
    await says(register, 'Paid')
    await press(register, 'New sale')
  }
  await register.clock.setFixedTime(OPENING_MS + 7.2 * HOUR_MS)
  await ask(register, '9.90', code)
  await says(register, 'Waiting for the payer')
  await press(register, 'Call it off')
  await register.getByRole('dialog').getByRole('button', { name: 'Call it off' }).click()
  await says(register, 'Not paid')
  await press(register, 'New sale')
  await press(register, 'History')
  await register.locator('.badge', { hasText: 'Settled' }).nth(5).waitFor()
  await camera.take(register, 'register-history')
  await press(register, 'Back')
}

/** Two currencies, asked for by a phone, paid from a wallet that is held in the dark. */
async function takeSession(camera: Camera, register: Page, wallet: Page): Promise<void> {
  const code = await showCode(wallet)
  await register.getByRole('textbox', { name: 'Amount' }).fill('100')
  await press(register, 'Add another line')
  await register.getByLabel('Currency').selectOption('USDC')
  await ask(register, '50', code)
  await wallet.getByRole('button', { name: 'Pay all 2 with one signature' }).waitFor()
  await wallet.emulateMedia({ colorScheme: 'dark' })
  await camera.take(wallet.getByRole('region', { name: 'Corner shop asks for 2 payments' }), 'wallet-session')
  await press(wallet, 'Pay all 2 with one signature')
  await register.setViewportSize(PHONE)
  await says(register, 'Paid')
  await camera.take(register, 'register-phone')
  await register.unrouteAll({ behavior: 'ignoreErrors' })
}

async function openWallet(camera: Camera, url: string, account: number): Promise<Page> {
  const wallet = await camera.open(`${url}/wallet`, { viewport: DESK })
  await wallet.getByLabel('Account').selectOption(String(account))
  await wallet.getByLabel('Passphrase').fill('correct horse battery')
  await press(wallet, 'Make this wallet')
  return wallet
}

/** The register's clock stands still, so that a day goes by in a minute. */
async function openRegister(camera: Camera, url: string): Promise<Page> {
  const register = await camera.open(`${url}/register`, { viewport: DESK })
  await register.clock.setFixedTime(OPENING_MS)
  await tellTimes(register)
  await register.reload()
  await register.getByLabel('Your wallet’s address').fill(SHOP)
  await register.getByLabel('Name of the shop').fill('Corner shop')
  await press(register, 'Save')
  return register
}

/** The server's clock goes on: what it says of when a voucher was asked for is told by the register's. */
async function tellTimes(register: Page): Promise<void> {
  const askedAtMs = new Map<string, number>()
  await register.route(/\/vouchers\/vch_/, async (route) => {
    const response = await route.fetch()
    const voucher: { id: string } = await response.json()
    const createdAtMs = askedAtMs.get(voucher.id) ?? (await register.evaluate<number>('Date.now()'))
    askedAtMs.set(voucher.id, createdAtMs)
    await route.fulfill({ response, json: { ...voucher, createdAt: new Date(createdAtMs).toISOString() } })
  })
}

async function showCode(wallet: Page): Promise<string> {
  await press(wallet, 'Show a code')
  const said = await wallet.getByRole('img', { name: /^Your code: / }).getAttribute('aria-label')
  return (said ?? '').slice('Your code: '.length).replaceAll(' ', '')
}

async function ask(register: Page, amount: string, code: string): Promise<void> {
  await register.getByRole('textbox', { name: 'Amount' }).fill(amount)
  await register.getByLabel('Six characters').fill(code)
  await register.getByRole('button', { name: /^Ask for/ }).click()
}

function press(page: Page, name: string): Promise<void> {
  return page.getByRole('button', { name, exact: true }).click()
}

function says(register: Page, sentence: string): Promise<void> {
  return register.getByRole('region', { name: 'The sale' }).getByText(sentence).waitFor()
}
