import { Type } from 'typebox'
import { CurrencyQuery, CurrencyView, NetworkQuery, NetworkView } from '../../protocol/schemas.ts'
import { listCurrencies, listNetworks } from '../../use-cases/read-finance.ts'
import { ANYBODY } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const PUBLIC = { callers: ANYBODY, limit: 'public' } as const

export function financeRoutes(api: Routes, { app }: RouteContext): void {
  api.get(
    '/finance/networks',
    { config: PUBLIC, schema: { querystring: NetworkQuery, response: { 200: Type.Array(NetworkView) } } },
    async ({ query }) => listNetworks(app, query),
  )

  api.get(
    '/finance/currencies',
    { config: PUBLIC, schema: { querystring: CurrencyQuery, response: { 200: Type.Array(CurrencyView) } } },
    async ({ query }) => listCurrencies(app, query),
  )
}
