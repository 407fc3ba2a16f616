import { takePayment } from './flow'
import { client } from './hey-api/client.gen'
import {
  getVoucher,
  openContext,
  redeemVoucher,
  reserveVoucher,
  resolveVoucher,
  signIn,
  signUp,
} from './hey-api/sdk.gen'

const [url = '', rpcUrl = ''] = process.argv.slice(2)
client.setConfig({ baseUrl: `${url}/api/v1`, throwOnError: true })
const by = (token: string) => ({ auth: token, throwOnError: true as const })

await takePayment(
  'hey-api',
  {
    signUp: (data) => signUp({ body: { type: 'email-password', data }, throwOnError: true }),
    signIn: async (data) =>
      (await signIn({ body: { type: 'email-password', data }, throwOnError: true })).data.authorization.token,
    openContext: async (token, address) =>
      (await openContext({ body: { format: 'alphanum', payers: [{ address }] }, ...by(token) })).data.code,
    signInByCode: async (code) => {
      const data = { resource: `voucher::context::code::${code}` }
      return (await signIn({ body: { type: 'resource', data }, throwOnError: true })).data.authorization.token
    },
    reserve: async (token, code) => (await reserveVoucher({ body: { code }, ...by(token) })).data.id,
    redeem: async (token, voucherId, { currency, amount, address }) => {
      const body = { expectedPayment: { currency, amount, wallet: { address } } }
      return (await redeemVoucher({ path: { voucherId }, body, ...by(token) })).data
    },
    read: async (token, voucherId) => (await getVoucher({ path: { voucherId }, ...by(token) })).data,
    resolve: async (token, voucherId, receipts) =>
      (await resolveVoucher({ path: { voucherId }, body: { receipts }, ...by(token) })).data,
  },
  rpcUrl,
)
