import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createPayer } from '../../src/client/index.ts'
import { eventually, newPayer, PAYER_ADDRESS, startTestServer } from '../support/server.ts'

const SDK = new URL('../../src/client/index.ts', import.meta.url).href

test('the README takes a payment', async (t) => {
  const server = await startTestServer()
  t.after(() => server.stop())
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, shop = ''] = /^## Take a payment$.*?^```js\n(.*?)^```$/ms.exec(readme) ?? []
  const here = shop.replace('@sixpence/client', SDK).replace('http://127.0.0.1:4040', server.url)
  const payer = createPayer({ url: server.url, token: (await newPayer(server.url)).token })
  const { code } = await payer.openContext({ format: 'alphanum', payers: [{ address: PAYER_ADDRESS }] })

  const folder = await mkdtemp(join(tmpdir(), 'sixpence-shop-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'shop.mjs'), here)
  const running = spawn(process.execPath, [join(folder, 'shop.mjs'), code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => running.kill())
  const said = text(running.stdout)
  const [voucher] = await eventually(async () => {
    const redeemed = await payer.listVouchers({ status: 'REDEEMED' })
    return redeemed.length > 0 && redeemed
  })
  assert.ok(voucher)
  const receipts = (voucher.payments ?? []).map(({ id }) => ({ paymentId: id }))
  await payer.resolveVoucher(voucher.id, receipts)
  assert.equal(
    await said,
    `Voucher ${voucher.code}: the wallet shows the same\nPaid: the payment is in a block\nSettled: UNVERIFIED\n`,
  )
})
