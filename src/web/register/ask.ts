import {
  ConnectionError,
  createPayee,
  type Payee,
  ProblemError,
  signInWithCode,
  TimeoutError,
} from '../../client/index.ts'
import { plainText } from '../../protocol/plain-text.ts'
import { explainFault } from '../design/faults.ts'
import { recordOf, type Sale, type SaleLine } from './sale.ts'
import { change, changeLine, saleOf } from './sales.ts'
import { settings } from './settings.ts'

const url = location.origin

/** Who asks for a sale: whoever the payer's code made, or the holder of the API key. */
export function payeeOf({ token }: Pick<Sale, 'token'>): Payee {
  return createPayee(token === null ? { url, apiKey: settings.value.apiKey } : { url, token })
}

/** Public facts need nobody in particular. */
export const anyPayee = (): Payee => createPayee({ url, token: '' })

/**
 * Asks for all of a sale, one voucher a line, in a session where there are several. What has been asked already is not
 * asked again: every step has a key of its own, so this may be called as often as it takes.
 * @throws SixpenceError
 */
export async function askFor(id: string): Promise<void> {
  const code = saleOf(id)?.code ?? ''
  if (settings.value.apiKey === '' && saleOf(id)?.token === null) {
    change(id, { token: await signInWithCode({ url, contextCode: code }) })
  }
  const sale = saleOf(id)
  if (sale === null) return
  const payee = payeeOf(sale)
  const sessionId = sale.lines.length > 1 ? await openSession(payee, sale) : null
  for (const [place, line] of sale.lines.entries()) await askForLine(payee, { sale, line, place, sessionId })
  change(id, { trouble: null })
}

async function openSession(payee: Payee, { id, code, shopName }: Sale): Promise<string> {
  const key = { idempotencyKey: `${id}-session` }
  const session = await payee.openSession({ code, ...infoOf(shopName) }, key)
  change(id, { session: { id: session.id, code: session.code } })
  return session.id
}

type Step = { sale: Sale; line: SaleLine; place: number; sessionId: string | null }

async function askForLine(payee: Payee, { sale, line, place, sessionId }: Step): Promise<void> {
  const reserving = { idempotencyKey: `${sale.id}-${place}-reserve` }
  const { id } = sessionId
    ? await payee.reserveVoucherInSession(sessionId, reserving)
    : await payee.reserveVoucher(sale.code, reserving)
  const voucher = await payee.redeemVoucher(
    id,
    {
      expectedPayment: {
        ...{ network: line.network, currency: line.symbol, currencyAddress: line.currencyAddress },
        ...{ amount: line.amount, wallet: { address: line.recipient } },
      },
      ...infoOf(sale.shopName),
      orderId: sale.id,
    },
    { idempotencyKey: `${sale.id}-${place}-redeem` },
  )
  changeLine(sale.id, place, { voucher: recordOf(voucher, line.voucher) })
}

function infoOf(name: string) {
  return name === '' ? {} : { payeeInfo: { name } }
}

/** Calls off what is not paid yet. What has been paid in the meantime stays as it is. */
export async function callOff(sale: Sale): Promise<void> {
  const payee = payeeOf(sale)
  for (const { voucher } of sale.lines) {
    if (voucher?.status !== 'REDEEMED' && voucher?.status !== 'RESERVED') continue
    await payee.discardVoucher(voucher.id).catch((error) => {
      if (!(error instanceof ProblemError) || error.code !== 'already_resolved') throw error
    })
  }
}

/** What went wrong, for whoever stands at the register. */
export function explain(error: unknown): string {
  if (error instanceof ProblemError) return plainText(recipientTrouble(error) ?? error.detail)
  if (isAway(error)) return 'The server cannot be reached. Check the connection.'
  return explainFault(error)
}

/** Why a sale could not be begun. What is not found then is the payer's code. */
export function explainRefusal(error: unknown): string {
  const code = error instanceof ProblemError ? error.code : null
  if (code === 'not_found') return 'No payer has this code. Check it with the payer.'
  return code === 'unauthorized' ? `${explain(error)} See the account in Settings.` : explain(error)
}

/** Whether the server did not answer. What fails in the page itself is no such thing. */
export function isAway(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof TimeoutError
}

/** Fields have names of their own on the page. */
function recipientTrouble({ errors }: ProblemError): string | null {
  const wrong = errors.find(({ path }) => path === '/expectedPayment/wallet/address')
  return wrong === undefined ? null : `The address that is to be paid ${wrong.message}.`
}

/** Whether the payer's code is what is wrong. */
export function isAboutCode(error: unknown): boolean {
  return error instanceof ProblemError && ['invalid_credentials', 'invalid_code', 'not_found'].includes(error.code)
}
