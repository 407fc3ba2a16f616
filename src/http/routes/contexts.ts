import { Type } from 'typebox'
import {
  CloseContextBody,
  ContextView,
  FindContextBody,
  FoundContextView,
  OpenContextBody,
  PageQuery,
} from '../../protocol/schemas.ts'
import { asUser } from '../../use-cases/call.ts'
import { closeContext } from '../../use-cases/close-context.ts'
import { findInvitedContext } from '../../use-cases/find-invited-context.ts'
import { openContext } from '../../use-cases/open-context.ts'
import { getContext, listContexts } from '../../use-cases/read-contexts.ts'
import { sendList } from '../lists.ts'
import { ANYBODY, PAYERS } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const WRITE = { callers: PAYERS, limit: 'write' } as const
const READ = { callers: PAYERS, limit: 'read' } as const
/** Where there is no context yet, there is nothing to sign in with. */
const FIND = { callers: ANYBODY, limit: 'public' } as const
const ContextPath = Type.Object({ contextId: Type.String() })

export function contextRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.post(
    '/vouchers/contexts/context-open',
    { config: WRITE, schema: { body: OpenContextBody, response: { 200: ContextView } } },
    (request, reply) => answers.once(request, reply, (call) => openContext(app, asUser(call), request.body)),
  )

  api.post(
    '/vouchers/contexts/context-find',
    { config: FIND, schema: { body: FindContextBody, response: { 200: FoundContextView } } },
    (request, reply) => answers.once(request, reply, (call) => findInvitedContext(app, call, request.body)),
  )

  api.get(
    '/vouchers/contexts/:contextId',
    { config: READ, schema: { params: ContextPath, response: { 200: ContextView } } },
    ({ call, params }) => getContext(app, asUser(call), params.contextId),
  )

  api.get(
    '/vouchers/contexts',
    { config: READ, schema: { querystring: PageQuery, response: { 200: Type.Array(ContextView) } } },
    async (request, reply) => sendList(request, reply, await listContexts(app, asUser(request.call), request.query)),
  )

  api.post(
    '/vouchers/contexts/:contextId/context-close',
    { config: WRITE, schema: { params: ContextPath, body: CloseContextBody, response: { 200: ContextView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => closeContext(app, asUser(call), request.params.contextId, request.body)),
  )
}
