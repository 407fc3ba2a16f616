import { spawn } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followProgram } from '../support/program.ts'
import type { Block } from './blocks.ts'
import { type Place, pathOfReaders } from './run-document.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What the blocks take as given, by these names: somebody's account with a voucher and a session to pay, and a webhook that came. */
const NAMES =
  'url, account, transport, chain, email, password, kept, keep, apiKey, voucherId, sessionId, secret, rawBody, request'
const GIVEN = `
import { createHmac } from 'node:crypto'
import { createPayee, createPayer, signIn, signUp } from '@sixpence/client'
import { http } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'

export const url = 'SERVER'
export const account = mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: 4 })
export const transport = http('CHAIN', { retryCount: 0 })
export const chain = undefined
export const email = 'reader@example.com'
export const password = 'correct horse battery'
export const kept = []
export const keep = (sent) => void kept.push(sent)

await signUp({ url, email, password })
const payer = createPayer({ url, token: await signIn({ url, email, password }) })
export const { key: apiKey } = await payer.createApiKey({ name: 'reader' })
const payers = [{ address: account.address }]
const { code } = await payer.openContext({ format: 'alphanum', payers })
const shop = createPayee({ url, apiKey })
const wallet = { address: '0x90F79bf6EB2c4f870365E785982E1f101E93b906' }
const terms = { expectedPayment: { currency: 'EURC', amount: '2', wallet } }
export const { id: voucherId } = await shop.reserveVoucher(code)
await shop.redeemVoucher(voucherId, terms)
export const { id: sessionId } = await shop.openSession({ code })
await shop.redeemVoucher((await shop.reserveVoucherInSession(sessionId)).id, terms)

export const secret = 'whsec_' + Buffer.from('a secret of the endpoint').toString('base64')
export const rawBody = '{"id":"evt_1"}'
const time = String(Math.floor(Date.now() / 1000))
const hmac = createHmac('sha256', 'a secret of the endpoint').update('evt_1.' + time + '.' + rawBody)
export const request = {
  headers: { 'webhook-id': 'evt_1', 'webhook-timestamp': time, 'webhook-signature': 'v1,' + hmac.digest('base64') },
}
`

const ENDING = `
const { vouchers } = await shop.getSession(sessionId)
console.log([await shop.getVoucher(voucherId), ...vouchers].map(({ status }) => status).join(), kept.length, event.id)
process.exit()
`

/**
 * Runs the blocks of a document as one program.
 * @returns how its vouchers stand then, how many payments were kept, and which event was read
 */
export async function runSnippets(blocks: Block[], { url, rpcUrl }: Place): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sixpence-snippets-'))
  const written = (text: string) => text.replace('SERVER', url).replace('CHAIN', rpcUrl)
  const snippets = blocks.filter(({ language }) => language === 'js').map(({ text }) => text)
  const program = [`import { ${NAMES} } from './given.js'`, ...snippets, ENDING]
  try {
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(join(folder, 'given.js'), written(GIVEN))
    await writeFile(join(folder, 'program.js'), written(program.join('\n')))
    const { ended, said } = followProgram(
      spawn('node', ['program.js'], { cwd: folder, env: { ...process.env, PATH: pathOfReaders() } }),
    )
    await ended
    return said()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
