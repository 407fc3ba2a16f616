import { takePayment } from './flow'
import { getVoucher, openContext, redeemVoucher, reserveVoucher, resolveVoucher, signIn, signUp } from './orval/client'

const [, rpcUrl = ''] = process.argv.slice(2)
const by = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** Orval's functions answer with what came, success or not: the status tells the type. */
function taken<Answer extends { status: number; data: unknown }>(
  answer: Answer,
): Extract<Answer, { status: 200 }>['data'] {
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.data))
  return answer.data as Extract<Answer, { status: 200 }>['data']
}

await takePayment(
  'orval',
  {
    signUp: async (data) => taken(await signUp({ type: 'email-password', data })),
    signIn: async (data) => taken(await signIn({ type: 'email-password', data })).authorization.token,
    openContext: async (token, address) =>
      taken(await openContext({ format: 'alphanum', payers: [{ address }] }, by(token))).code,
    signInByCode: async (code) => {
      const data = { resource: `voucher::context::code::${code}` }
      return taken(await signIn({ type: 'resource', data })).authorization.token
    },
    reserve: async (token, code) => taken(await reserveVoucher({ code }, by(token))).id,
    redeem: async (token, voucherId, { currency, amount, address }) => {
      const body = { expectedPayment: { currency, amount, wallet: { address } } }
      return taken(await redeemVoucher(voucherId, body, by(token)))
    },
    read: async (token, voucherId) => taken(await getVoucher(voucherId, by(token))),
    resolve: async (token, voucherId, receipts) => taken(await resolveVoucher(voucherId, { receipts }, by(token))),
  },
  rpcUrl,
)
