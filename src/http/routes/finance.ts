import { Type } from 'typebox'
import {
  ConvertCurrencyBody,
  ConvertedView,
  CurrencyQuery,
  CurrencyView,
  NetworkQuery,
  NetworkView,
} from '../../protocol/schemas.ts'
import { convertCurrency } from '../../use-cases/convert-currency.ts'
import { listCurrencies, listNetworks } from '../../use-cases/read-finance.ts'
import { JSON_TYPE, sayNext } from '../lists.ts'
import { ANYBODY } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const PUBLIC = { callers: ANYBODY, limit: 'public' } as const

export function financeRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.get(
    '/finance/networks',
    { config: PUBLIC, schema: { querystring: NetworkQuery, response: { 200: Type.Array(NetworkView) } } },
    async (request, reply) => {
      const { views, next } = listNetworks(app, request.query)
      sayNext(request, reply, next)
      return views
    },
  )

  api.get(
    '/finance/currencies',
    { config: PUBLIC, schema: { querystring: CurrencyQuery, response: { 200: Type.Array(CurrencyView) } } },
    async (request, reply) => {
      const { views, next } = listCurrencies(app, request.query)
      sayNext(request, reply, next)
      return views
    },
  )

  api.post(
    '/finance/currencies/convert',
    {
      config: { ...PUBLIC, shed: 'first' },
      schema: { body: ConvertCurrencyBody, response: { 200: ConvertedView } },
    },
    async (request, reply) => {
      const amount = await answers.once(request, reply, (call) => convertCurrency(app, call, request.body))
      // A string as it is would be sent as plain text.
      return reply.type(JSON_TYPE).send(JSON.stringify(amount))
    },
  )
}
