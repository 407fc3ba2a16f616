import type { Hex } from '../src/domain/payment.ts'
import type { SessionPaymentsView, VoucherView } from '../src/protocol/schemas.ts'
import { devAccount } from '../test/support/anvil.ts'
import { approve, CURRENCIES, type ExchangeChain } from '../test/support/exchange.ts'
import { callerOf, eventually, type TestCaller, type TestServer, withToken } from '../test/support/server.ts'
import type { Json, JsonObject } from './json.ts'
import type { Recorder } from './recorder.ts'

/** The wallet that pays, and where the payee is paid. */
export const WALLET = devAccount(1)
const TILL = devAccount(3).address

/** The hash of the secret, from RFC 7636 (appendix B). */
const INVITATION = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

type Id = JsonObject & { id: string; code: string }
type Cast = { server: TestServer; chain: ExchangeChain; payer: TestCaller }
type Scene = Cast & { payee: TestCaller; code: string; contextId: string }

/** One context from its opening to its end, with all that a payer and a payee can do in it. */
export async function payVouchers(recorder: Recorder, cast: Cast): Promise<void> {
  const scene = await openContext(recorder, cast)
  await payOneVoucher(recorder, scene)
  await payWithDollars(recorder, scene)
  await askForCall(recorder, scene)
  await paySession(recorder, scene)
  await listen(recorder, scene)
  await discard(recorder, scene)
  await closeContext(recorder, scene)
}

const asking = (symbol: 'EURC' | 'USDC' | 'POL', amount: string) => ({
  ...{ network: 'polygon', currency: symbol, currencyAddress: CURRENCIES[symbol].address, amount },
  wallet: { address: TILL },
})

async function openContext(recorder: Recorder, cast: Cast): Promise<Scene> {
  const { payer, server } = cast
  const context = await recorder.call<Id>(payer, 'POST /vouchers/contexts/context-open', 'For one wallet', {
    body: { format: 'alphanum', payers: [{ address: WALLET.address }] },
  })
  const secret = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const invited = { format: 'alphanum', payers: [{ address: WALLET.address }], invitation: INVITATION }
  await recorder.call(payer, 'POST /vouchers/contexts/context-open', 'In answer to an invitation', { body: invited })
  await recorder.call(callerOf(server.url), 'POST /vouchers/contexts/context-find', 'Once a payer has answered', {
    body: { secret },
  })
  const params = { contextId: context.id }
  await recorder.call(payer, 'GET /vouchers/contexts/:contextId', 'An open context', { params })
  await recorder.call(payer, 'GET /vouchers/contexts', 'The newest', { query: { limit: '1' } })
  const resource = `voucher::context::code::${context.code}`
  type Token = { authorization: { token: string } }
  const signIn = { body: { type: 'resource', data: { resource } } }
  const { authorization } = await recorder.call<Token>(payer, 'POST /auth/sign-in', 'By context code', signIn)
  const payee = withToken(server.url, authorization.token)
  recorder.refused('forbidden', await payee.get('/vouchers/contexts'))
  recorder.refused('not_found', await payee.get('/vouchers/vch_0'))
  recorder.refused('invalid_code', await payee.post('/vouchers/reserve-voucher', { code: 'ABC' }))
  return { ...cast, payee, code: context.code, contextId: context.id }
}

async function payOneVoucher(recorder: Recorder, scene: Scene): Promise<void> {
  const { payee, payer, code } = scene
  const reserved = await recorder.call<Id>(payee, 'POST /vouchers/reserve-voucher', 'By context code', {
    body: { code },
  })
  const params = { voucherId: reserved.id }
  const of = `/vouchers/${reserved.id}`
  recorder.refused('not_redeemed', await payer.get(`${of}/review`))
  const body = { expectedPayment: asking('EURC', '100'), payeeInfo: { name: 'Corner shop' }, orderId: 'order 17' }
  const voucher = await recorder.call<VoucherView>(payee, 'POST /vouchers/:voucherId/redeem-voucher', 'For 100 EURC', {
    ...{ params, body },
  })
  recorder.refused('already_redeemed', await payee.post(`${of}/redeem-voucher`, body))
  await recorder.call(payer, 'GET /vouchers/:voucherId', 'What the payer sees', { params })
  await recorder.call(payer, 'GET /vouchers/:voucherId/review', 'What would happen now', {
    ...{ params, query: { wallet: WALLET.address } },
  })
  const signature = await WALLET.signMessage({ message: voucher.signingMessage ?? '' })
  await recorder.call(payer, 'POST /vouchers/:voucherId/sign-voucher', "By the payer's address", {
    ...{ params, body: { publicKey: WALLET.address, signature } },
  })
  await recorder.call(payer, 'POST /vouchers/:voucherId/submit/interop-init', 'The first payment', {
    ...{ params, query: { paymentIndex: '0' }, body: {} },
  })
  const wrong = { receipts: [{ paymentId: voucher.payments?.[0]?.id, transactionHash: `0x${'00'.repeat(32)}` }] }
  recorder.refused('receipt_rejected', await payer.post(`${of}/resolve-voucher`, wrong))
  const receipts = await sendAll(scene, voucher)
  await recorder.call(payer, 'POST /vouchers/:voucherId/resolve-voucher', 'A transaction that was mined', {
    ...{ params, body: { receipts } },
  })
  await settle(scene, reserved.id)
  await recorder.call(payer, 'GET /vouchers/:voucherId/status/interop-info', 'Settled', { params })
  await recorder.call(payee, 'GET /vouchers/:voucherId', 'Settled', { params })
  await recorder.call(payee, 'GET /vouchers', 'By order', { query: { orderId: 'order 17', status: 'RESOLVED' } })
  recorder.refused('already_resolved', await payer.post(`${of}/discard-voucher`))
}

/** Sends each payment as a transaction of its own, and waits until the server has seen the last one's block. */
async function sendAll({ chain, server }: Scene, { payments = [] }: VoucherView): Promise<Json[]> {
  const receipts: Json[] = []
  for (const { id, input } of payments) {
    const transactionHash = await chain.client.sendTransaction({
      ...{ account: WALLET, to: input.to as Hex, data: input.data as Hex, value: BigInt(input.value), gas: 1_000_000n },
    })
    receipts.push({ paymentId: id, transactionHash })
  }
  const mined = Number(await chain.client.getBlockNumber())
  await eventually(async () => {
    const ready = await fetch(`${server.url}/readyz`)
    const { networks }: { networks: { head: number }[] } = JSON.parse(await ready.text())
    return networks.every(({ head }) => head >= mined)
  })
  return receipts
}

/** Has blocks mined until the payment is deep enough. */
async function settle({ chain, payer }: Scene, voucherId: string): Promise<void> {
  await chain.client.mine({ blocks: 3 })
  await eventually(async () => {
    const { body } = await payer.get<VoucherView>(`/vouchers/${voucherId}`)
    return body.settlement?.status === 'CONFIRMED'
  })
}

async function reserveAndRedeem({ payee, code }: Scene, terms: Json): Promise<VoucherView> {
  const { body } = await payee.post<Id>('/vouchers/reserve-voucher', { code })
  return (await payee.post<VoucherView>(`/vouchers/${body.id}/redeem-voucher`, terms)).body
}

async function payWithDollars(recorder: Recorder, scene: Scene): Promise<void> {
  await approve(scene.chain, WALLET, CURRENCIES.USDC.address as Hex)
  const { id } = await reserveAndRedeem(scene, { expectedPayment: asking('EURC', '100') })
  const { network, currency, currencyAddress } = asking('USDC', '1')
  await recorder.call(scene.payer, 'POST /vouchers/:voucherId/negotiate-voucher', '100 EURC for USDC', {
    params: { voucherId: id },
    body: { suppliedPayment: { network, currency, currencyAddress, wallet: { address: WALLET.address } } },
  })
}

async function askForCall(recorder: Recorder, scene: Scene): Promise<void> {
  const { payee, payer, code } = scene
  const { body } = await payee.post<Id>('/vouchers/reserve-voucher', { code })
  const to = CURRENCIES.EURC.address
  const data = `0x095ea7b3${TILL.slice(2).toLowerCase().padStart(64, '0')}${(5_000_000).toString(16).padStart(64, '0')}`
  await recorder.call(payee, 'POST /vouchers/:voucherId/redeem-voucher', 'For a call of a contract', {
    params: { voucherId: body.id },
    body: {
      networks: [{ network: 'polygon', type: 'evm', chainId: '31337' }],
      payments: [{ type: 'send_transaction', input: { from: '{payer}', to, value: '0', data } }],
    },
  })
  const suppliedPayment = { ...asking('USDC', '1'), wallet: { address: WALLET.address } }
  recorder.refused('not_simple', await payer.post(`/vouchers/${body.id}/negotiate-voucher`, { suppliedPayment }))
}

async function paySession(recorder: Recorder, scene: Scene): Promise<void> {
  const { payee, payer, code } = scene
  const { id } = await recorder.call<Id>(payee, 'POST /vouchers/sessions/session-open', 'A checkout', {
    body: { code, payeeInfo: { name: 'Corner shop' } },
  })
  const params = { sessionId: id }
  const of = `/vouchers/sessions/${id}`
  await recorder.call(payer, 'POST /vouchers/sessions/:sessionId/session-join', 'The payer is there', { params })
  recorder.refused('already_joined', await payer.post(`${of}/session-join`))
  const voucher = await recorder.call<Id>(
    payee,
    'POST /vouchers/sessions/:sessionId/reserve-voucher',
    'The first item',
    {
      params,
    },
  )
  await payee.post(`/vouchers/${voucher.id}/redeem-voucher`, { expectedPayment: asking('USDC', '50') })
  const owed = await recorder.call<SessionPaymentsView>(
    payer,
    'GET /vouchers/sessions/:sessionId/payments',
    'One batch',
    {
      ...{ params, query: { wallet: WALLET.address } },
    },
  )
  const receipts = await sendAll(scene, await voucherOf(payer, owed.vouchers[0]?.voucherId ?? ''))
  await recorder.call(payer, 'POST /vouchers/sessions/:sessionId/session-resolve', 'All of it', {
    ...{ params, body: { receipts } },
  })
  await settle(scene, voucher.id)
  await recorder.call(payee, 'GET /vouchers/sessions/:sessionId', 'All paid', { params })
  await recorder.call(payee, 'GET /vouchers/sessions', 'The newest', { query: { limit: '1' } })
  await recorder.call(payee, 'POST /vouchers/sessions/:sessionId/session-close', 'The checkout is over', { params })
  recorder.refused('session_closed', await payee.post(`${of}/reserve-voucher`))
}

async function voucherOf(payer: TestCaller, voucherId: string): Promise<VoucherView> {
  return (await payer.get<VoucherView>(`/vouchers/${voucherId}`)).body
}

/** Reads the stream until an event has come. */
async function listen(recorder: Recorder, { server, payee, code }: Scene): Promise<void> {
  const response = await fetch(`${server.url}/api/v1/events`, { headers: payee.headers })
  if (!response.body) throw new Error('a stream has a body')
  await payee.post('/vouchers/reserve-voucher', { code })
  let text = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece
    if (/data: .*\n\n/.test(text)) break
  }
  const [opening = '', event = ''] = text.split('\n\n')
  const answer = `${opening.replace(/^id: .*$/m, 'id: 40')}\n\n${event.replace(/^id: .*$/m, 'id: 41')}\n\n`
  recorder.add({ route: 'GET /events', title: 'The first event', params: {}, query: {}, answer })
}

async function discard(recorder: Recorder, { payee, code }: Scene): Promise<void> {
  const key = { 'idempotency-key': 'sale-17' }
  const { body } = await payee.post<Id>('/vouchers/reserve-voucher', { code }, key)
  const another = await payee.post('/vouchers/reserve-voucher', { code: code.toLowerCase() }, key)
  recorder.refused('idempotency_conflict', another)
  await recorder.call(payee, 'POST /vouchers/:voucherId/discard-voucher', 'The customer has left', {
    params: { voucherId: body.id },
  })
  const terms = { expectedPayment: asking('EURC', '100') }
  recorder.refused('expired', await payee.post(`/vouchers/${body.id}/redeem-voucher`, terms))
}

async function closeContext(recorder: Recorder, { payer, contextId }: Scene): Promise<void> {
  await recorder.call(payer, 'POST /vouchers/contexts/:contextId/context-close', 'For everybody', {
    ...{ params: { contextId }, body: { payeeId: null } },
  })
  const again = await payer.post(`/vouchers/contexts/${contextId}/context-close`, { payeeId: null })
  recorder.refused('already_closed', again)
}
