import { hash, randomBytes } from 'node:crypto'
import { privateKeyToAccount } from 'viem/accounts'
import type { CallerKind } from '../../src/use-cases/call.ts'
import {
  asking,
  eventually,
  newContext,
  newParties,
  newPayer,
  openSession,
  type Parties,
  receiptsOf,
  redeem,
  redeemInSession,
  reserve,
  type TestCaller,
  type TestServer,
} from '../support/server.ts'
import { ok } from './problems.ts'

/** Anvil's second account: the payer of every test context, so that tests can sign as the payer. */
export const PAYER_WALLET = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')

export const PASSWORD = 'correct horse battery'

export function newInvitation(): { secret: string; invitation: string } {
  const secret = randomBytes(32).toString('base64url')
  return { secret, invitation: hash('sha256', secret, 'base64url') }
}

export const newEmail = (): string => `${randomBytes(8).toString('hex')}@example.com`

/** A call that succeeds when it is made, once, by `caller`. */
export type ReadyCall = { path: string; body?: unknown; caller: TestCaller | null }

type RouteFacts = {
  /** Who may call, by the protocol; nobody: no token is needed. */
  callers: readonly CallerKind[]
  /** Brings about all that the call needs. The caller is null where it needs no token. */
  ready: (server: TestServer) => Promise<ReadyCall>
}

const PAYERS = ['user'] as const
const PAYEES = ['user', 'payee', 'key'] as const
const ACCOUNTS = ['user', 'key'] as const
const KEY_MANAGERS = ['user', 'operator'] as const

const open = (path: string, body?: () => unknown): RouteFacts => ({
  callers: [],
  ready: async () => ({ path, body: body?.(), caller: null }),
})

const byPayer = (of: (parties: Parties) => Omit<ReadyCall, 'caller'> | Promise<Omit<ReadyCall, 'caller'>>) => ({
  callers: PAYERS,
  ready: async ({ url }: TestServer) => {
    const parties = await newParties(url)
    return { caller: parties.payer, ...(await of(parties)) }
  },
})

const byPayee = (of: (parties: Parties) => Omit<ReadyCall, 'caller'> | Promise<Omit<ReadyCall, 'caller'>>) => ({
  callers: PAYEES,
  ready: async ({ url }: TestServer) => {
    const parties = await newParties(url)
    return { caller: parties.payee, ...(await of(parties)) }
  },
})

const byKeyManager = (of: (payer: TestCaller) => Promise<Omit<ReadyCall, 'caller'>>) => ({
  callers: KEY_MANAGERS,
  ready: async ({ url }: TestServer) => {
    const { caller } = await newPayer(url)
    return { caller, ...(await of(caller)) }
  },
})

/** Where nobody listens: what is sent there fails at once. */
export const NOBODY_LISTENS = 'http://127.0.0.1:9/hook'

type Made = { endpointId: string; deliveryId: string }

/** A call on an endpoint of a user's own, and where it needs one, on a delivery that has failed once. */
const byAccount = (of: (made: Made) => Omit<ReadyCall, 'caller'>, needs: 'endpoint' | 'delivery' = 'endpoint') => ({
  callers: ACCOUNTS,
  ready: async ({ url }: TestServer) => {
    const { caller } = await newPayer(url)
    const { id } = ok(await caller.post<{ id: string }>('/webhook-endpoints', { url: NOBODY_LISTENS }))
    const deliveryId = needs === 'delivery' ? await failedDelivery(url, caller) : ''
    return { caller, ...of({ endpointId: id, deliveryId }) }
  },
})

async function failedDelivery(url: string, caller: TestCaller): Promise<string> {
  await newContext(url, caller)
  return eventually(async () => {
    const [delivery] = ok(await caller.get<{ id: string }[]>('/webhook-deliveries?status=RETRYING'))
    return delivery?.id
  })
}

/** The webhook routes under one of their prefixes. */
const webhookRoutes = (prefix: string): Record<string, RouteFacts> => {
  const endpoints = `${prefix}/webhook-endpoints`
  const deliveries = `${prefix}/webhook-deliveries`
  return {
    [`POST ${endpoints}`]: byAccount(() => ({
      path: endpoints,
      body: {
        url: 'https://shop.example/hook',
        description: 'the shop',
        events: ['voucher.resolved'],
        widgetId: 'w 1',
      },
    })),
    [`GET ${endpoints}`]: byAccount(() => ({ path: `${endpoints}?enabled=true` })),
    [`GET ${endpoints}/:endpointId`]: byAccount(({ endpointId }) => ({ path: `${endpoints}/${endpointId}` })),
    [`PATCH ${endpoints}/:endpointId`]: byAccount(({ endpointId }) => ({
      path: `${endpoints}/${endpointId}`,
      body: { description: 'another' },
    })),
    [`DELETE ${endpoints}/:endpointId`]: byAccount(({ endpointId }) => ({ path: `${endpoints}/${endpointId}` })),
    ...Object.fromEntries(
      ['rotate-endpoint-secret', 'enable', 'disable'].map((verb) => [
        `POST ${endpoints}/:endpointId/${verb}`,
        byAccount(({ endpointId }) => ({ path: `${endpoints}/${endpointId}/${verb}` })),
      ]),
    ),
    [`GET ${deliveries}`]: byAccount(() => ({ path: `${deliveries}?status=FAILED` })),
    [`GET ${deliveries}/:deliveryId`]: byAccount(
      ({ deliveryId }) => ({ path: `${deliveries}/${deliveryId}` }),
      'delivery',
    ),
    [`POST ${deliveries}/:deliveryId/retry`]: byAccount(
      ({ deliveryId }) => ({ path: `${deliveries}/${deliveryId}/retry` }),
      'delivery',
    ),
  }
}

/** Every route of the protocol, with its path below `/api/v1`. Tests check that the router serves these and no others. */
export const ROUTES: Record<string, RouteFacts> = {
  'GET /auth/get-challenge': open('/auth/get-challenge'),
  'POST /auth/sign-up': open('/auth/sign-up', () => ({
    type: 'email-password',
    data: { email: newEmail(), password: PASSWORD },
  })),
  'POST /auth/sign-in': {
    callers: [],
    ready: async ({ url }) => {
      const { context } = await newParties(url)
      const resource = `voucher::context::code::${context.code}`
      return { path: '/auth/sign-in', body: { type: 'resource', data: { resource } }, caller: null }
    },
  },
  'POST /auth/api-keys': byKeyManager(async () => ({ path: '/auth/api-keys', body: { name: 'till 1' } })),
  'GET /auth/api-keys': byKeyManager(async () => ({ path: '/auth/api-keys' })),
  'POST /auth/api-keys/:keyId/revoke': {
    ...byKeyManager(async (payer) => {
      const { id } = ok(await payer.post<{ id: string }>('/auth/api-keys', { name: 'till 2' }))
      return { path: `/auth/api-keys/${id}/revoke` }
    }),
    callers: [...KEY_MANAGERS, 'key'],
  },

  'POST /vouchers/contexts/context-open': byPayer(({ context }) => ({
    path: '/vouchers/contexts/context-open',
    body: { format: 'numeric', payers: context.payers },
  })),
  'POST /vouchers/contexts/context-find': {
    callers: [],
    ready: async ({ url }) => {
      const { payer, context } = await newParties(url)
      const { secret, invitation } = newInvitation()
      const body = { format: 'numeric', payers: context.payers, invitation }
      ok(await payer.post('/vouchers/contexts/context-open', body))
      return { path: '/vouchers/contexts/context-find', body: { secret }, caller: null }
    },
  },
  'GET /vouchers/contexts': byPayer(() => ({ path: '/vouchers/contexts' })),
  'GET /vouchers/contexts/:contextId': byPayer(({ context }) => ({ path: `/vouchers/contexts/${context.id}` })),
  'POST /vouchers/contexts/:contextId/context-close': byPayer(({ context }) => ({
    path: `/vouchers/contexts/${context.id}/context-close`,
    body: { payeeId: null },
  })),

  'POST /vouchers/sessions/session-open': byPayee(({ context }) => ({
    path: '/vouchers/sessions/session-open',
    body: { code: context.code },
  })),
  'GET /vouchers/sessions': byPayee(() => ({ path: '/vouchers/sessions' })),
  'GET /vouchers/sessions/:sessionId': byPayee(async (parties) => ({
    path: `/vouchers/sessions/${(await openSession(parties)).id}`,
  })),
  'POST /vouchers/sessions/:sessionId/session-join': byPayer(async (parties) => ({
    path: `/vouchers/sessions/${(await openSession(parties)).id}/session-join`,
  })),
  'POST /vouchers/sessions/:sessionId/reserve-voucher': byPayee(async (parties) => ({
    path: `/vouchers/sessions/${(await openSession(parties)).id}/reserve-voucher`,
  })),
  'GET /vouchers/sessions/:sessionId/payments': byPayer(async (parties) => ({
    path: `/vouchers/sessions/${(await openSession(parties)).id}/payments`,
  })),
  'POST /vouchers/sessions/:sessionId/session-resolve': byPayer(async (parties) => {
    const { id } = await openSession(parties)
    const voucher = await redeemInSession(parties, id, asking('100'))
    return { path: `/vouchers/sessions/${id}/session-resolve`, body: receiptsOf(voucher) }
  }),
  'POST /vouchers/sessions/:sessionId/session-close': byPayee(async (parties) => ({
    path: `/vouchers/sessions/${(await openSession(parties)).id}/session-close`,
  })),

  'POST /vouchers/reserve-voucher': byPayee(({ context }) => ({
    path: '/vouchers/reserve-voucher',
    body: { code: context.code },
  })),
  'GET /vouchers': byPayee(() => ({ path: '/vouchers' })),
  'GET /vouchers/:voucherId': byPayee(async (parties) => ({ path: `/vouchers/${(await reserve(parties)).id}` })),
  'POST /vouchers/:voucherId/redeem-voucher': byPayee(async (parties) => ({
    path: `/vouchers/${(await reserve(parties)).id}/redeem-voucher`,
    body: asking('100'),
  })),
  'POST /vouchers/:voucherId/discard-voucher': byPayee(async (parties) => ({
    path: `/vouchers/${(await reserve(parties)).id}/discard-voucher`,
  })),
  'POST /vouchers/:voucherId/negotiate-voucher': byPayer(async (parties) => {
    const { id, expectedPayment } = await redeem(parties, asking('100'))
    const suppliedPayment = { ...expectedPayment, wallet: { address: PAYER_WALLET.address } }
    return { path: `/vouchers/${id}/negotiate-voucher`, body: { suppliedPayment } }
  }),
  'POST /vouchers/:voucherId/sign-voucher': byPayer(async (parties) => {
    const { id, signingMessage = '' } = await redeem(parties, asking('100'))
    const signature = await PAYER_WALLET.signMessage({ message: signingMessage })
    return { path: `/vouchers/${id}/sign-voucher`, body: { publicKey: PAYER_WALLET.address, signature } }
  }),
  'POST /vouchers/:voucherId/resolve-voucher': byPayer(async (parties) => {
    const voucher = await redeem(parties, asking('100'))
    return { path: `/vouchers/${voucher.id}/resolve-voucher`, body: receiptsOf(voucher) }
  }),
  'GET /vouchers/:voucherId/review': byPayer(async (parties) => ({
    path: `/vouchers/${(await redeem(parties, asking('100'))).id}/review?wallet=${PAYER_WALLET.address}`,
  })),
  'POST /vouchers/:voucherId/submit/interop-init': byPayer(async (parties) => ({
    path: `/vouchers/${(await redeem(parties, asking('100'))).id}/submit/interop-init`,
    body: {},
  })),
  'GET /vouchers/:voucherId/status/interop-info': byPayer(async (parties) => ({
    path: `/vouchers/${(await redeem(parties, asking('100'))).id}/status/interop-info`,
  })),

  'GET /events': byPayee(() => ({ path: '/events' })),

  'GET /finance/networks': open('/finance/networks'),
  'GET /finance/currencies': open('/finance/currencies'),
  'POST /finance/currencies/convert': open('/finance/currencies/convert', () => ({
    ...{ sourceCurrency: 'EURC', targetCurrency: 'EURC', amount: '1' },
  })),

  'GET /openapi.json': open('/openapi.json'),

  ...webhookRoutes(''),
  ...webhookRoutes('/widgets'),
}

const PREFIX = '/api/v1'

/** What operators ask, outside the protocol: open to anybody, and not limited. */
export const OPERATOR_ROUTES = ['GET /healthz', 'GET /readyz', 'GET /metrics']

/** The pages for people, and what they are made of: open to anybody, and not limited. */
export const PAGE_ROUTES = ['GET /', 'GET /docs', 'GET /register', 'GET /wallet', 'GET /assets/:file']

/** What the router serves of the protocol, in the words of `ROUTES`. */
export function servedRoutes({ http }: TestServer): string[] {
  const ofProtocol = http.served.filter(({ path }) => path.startsWith(PREFIX))
  return ofProtocol.map(({ method, path }) => `${method} ${path.slice(PREFIX.length)}`)
}

/** Makes a call of a route by its method. */
export function send(route: string, { path, body }: ReadyCall, caller: TestCaller, headers?: Record<string, string>) {
  switch (route.split(' ')[0]) {
    case 'GET':
      return caller.get(path)
    case 'PATCH':
      return caller.patch(path, body)
    case 'DELETE':
      return caller.delete(path)
    default:
      return caller.post(path, body, headers)
  }
}
