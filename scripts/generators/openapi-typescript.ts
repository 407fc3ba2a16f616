import createClient from 'openapi-fetch'
import { takePayment } from './flow'
import type { paths } from './openapi-typescript/schema'

const [url = '', rpcUrl = ''] = process.argv.slice(2)
const api = createClient<paths>({ baseUrl: `${url}/api/v1` })
const by = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

function taken<Data>({ data, error }: { data?: Data; error?: unknown }): Data {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}

await takePayment(
  'openapi-typescript',
  {
    signUp: async (data) => taken(await api.POST('/auth/sign-up', { body: { type: 'email-password', data } })),
    signIn: async (data) =>
      taken(await api.POST('/auth/sign-in', { body: { type: 'email-password', data } })).authorization.token,
    openContext: async (token, address) => {
      const body = { format: 'alphanum', payers: [{ address }] } as const
      return taken(
        await api.POST('/vouchers/contexts/context-open', { body: { ...body, payers: [{ address }] }, ...by(token) }),
      ).code
    },
    signInByCode: async (code) => {
      const data = { resource: `voucher::context::code::${code}` }
      return taken(await api.POST('/auth/sign-in', { body: { type: 'resource', data } })).authorization.token
    },
    reserve: async (token, code) =>
      taken(await api.POST('/vouchers/reserve-voucher', { body: { code }, ...by(token) })).id,
    redeem: async (token, voucherId, { currency, amount, address }) =>
      taken(
        await api.POST('/vouchers/{voucherId}/redeem-voucher', {
          params: { path: { voucherId } },
          body: { expectedPayment: { currency, amount, wallet: { address } } },
          ...by(token),
        }),
      ),
    read: async (token, voucherId) =>
      taken(await api.GET('/vouchers/{voucherId}', { params: { path: { voucherId } }, ...by(token) })),
    resolve: async (token, voucherId, receipts) =>
      taken(
        await api.POST('/vouchers/{voucherId}/resolve-voucher', {
          params: { path: { voucherId } },
          body: { receipts },
          ...by(token),
        }),
      ),
  },
  rpcUrl,
)
