import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import {
  OpenSessionBody,
  ReservedView,
  ResolveSessionBody,
  SessionPaymentsQuery,
  SessionPaymentsView,
  SessionQuery,
  SessionResolvedView,
  SessionView,
  SessionVouchersQuery,
} from '../../protocol/schemas.ts'
import { asPayee, asUser } from '../../use-cases/call.ts'
import { closeSession } from '../../use-cases/close-session.ts'
import { joinSession } from '../../use-cases/join-session.ts'
import { openSession } from '../../use-cases/open-session.ts'
import type { Listed } from '../../use-cases/page.ts'
import { readSessionPayments } from '../../use-cases/read-session-payments.ts'
import { getSession, listSessions } from '../../use-cases/read-sessions.ts'
import { reserveVoucherInSession } from '../../use-cases/reserve-voucher.ts'
import { resolveSession } from '../../use-cases/resolve-session.ts'
import { JSON_TYPE, sayNext, sendList } from '../lists.ts'
import { PAYEE_WRITE, PAYEES, PAYER_READ, PAYER_WRITE, RESERVE, RESOLVE } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const READ = { callers: PAYEES, limit: 'read' } as const
const SessionPath = Type.Object({ sessionId: Type.String() })

export function sessionRoutes(api: Routes, context: RouteContext): void {
  partyRoutes(api, context)
  paymentRoutes(api, context)
}

/** The vouchers are JSON already. */
function sendSession(
  request: FastifyRequest,
  reply: FastifyReply,
  session: SessionView,
  { rows, next }: Listed,
): FastifyReply {
  sayNext(request, reply, next)
  const more = next === null ? '' : ',"hasMoreVouchers":true'
  return reply.type(JSON_TYPE).send(`${JSON.stringify(session).slice(0, -1)},"vouchers":[${rows.join(',')}]${more}}`)
}

function paymentRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.get(
    '/vouchers/sessions/:sessionId/payments',
    {
      config: PAYER_READ,
      schema: { params: SessionPath, querystring: SessionPaymentsQuery, response: { 200: SessionPaymentsView } },
    },
    async (request, reply) => {
      const { call, params, query } = request
      const { payments, next } = await readSessionPayments(app, asUser(call), params.sessionId, query)
      sayNext(request, reply, next)
      return payments
    },
  )

  api.post(
    '/vouchers/sessions/:sessionId/session-resolve',
    {
      config: RESOLVE,
      schema: { params: SessionPath, body: ResolveSessionBody, response: { 200: SessionResolvedView } },
    },
    (request, reply) =>
      answers.once(request, reply, (call) =>
        resolveSession(app, asUser(call), request.params.sessionId, request.body.receipts),
      ),
  )
}

function partyRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.post(
    '/vouchers/sessions/session-open',
    { config: PAYEE_WRITE, schema: { body: OpenSessionBody, response: { 200: SessionView } } },
    (request, reply) => answers.once(request, reply, (call) => openSession(app, asPayee(call), request.body)),
  )

  api.post(
    '/vouchers/sessions/:sessionId/session-join',
    { config: PAYER_WRITE, schema: { params: SessionPath, response: { 200: SessionView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => joinSession(app, asUser(call), request.params.sessionId)),
  )

  api.post(
    '/vouchers/sessions/:sessionId/reserve-voucher',
    { config: RESERVE, schema: { params: SessionPath, response: { 200: ReservedView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => reserveVoucherInSession(app, asPayee(call), request.params.sessionId)),
  )

  api.post(
    '/vouchers/sessions/:sessionId/session-close',
    { config: PAYEE_WRITE, schema: { params: SessionPath, response: { 200: SessionView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => closeSession(app, asPayee(call), request.params.sessionId)),
  )

  api.get(
    '/vouchers/sessions/:sessionId',
    {
      config: READ,
      schema: { params: SessionPath, querystring: SessionVouchersQuery, response: { 200: SessionView } },
    },
    async (request, reply) => {
      const { call, params, query } = request
      const { session, vouchers } = await getSession(app, asPayee(call), params.sessionId, query)
      return sendSession(request, reply, session, vouchers)
    },
  )

  api.get(
    '/vouchers/sessions',
    { config: READ, schema: { querystring: SessionQuery, response: { 200: Type.Array(SessionView) } } },
    async (request, reply) => sendList(request, reply, await listSessions(app, asPayee(request.call), request.query)),
  )
}
