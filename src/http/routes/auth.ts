import { Type } from 'typebox'
import { issueChallenge } from '../../auth/challenges.ts'
import {
  AccountView,
  ApiKeyQuery,
  ApiKeyView,
  AuthorizationView,
  ChallengeView,
  CreateApiKeyBody,
  NewApiKeyView,
  TypedDataBody,
} from '../../protocol/schemas.ts'
import { createApiKey, listApiKeys, revokeApiKey } from '../../use-cases/manage-api-keys.ts'
import { signIn } from '../../use-cases/sign-in.ts'
import { signUp } from '../../use-cases/sign-up.ts'
import { sendList } from '../lists.ts'
import { ANYBODY, KEY_ENDERS, KEY_MANAGERS } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

const KeyPath = Type.Object({ keyId: Type.String() })

export function authRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.get(
    '/auth/get-challenge',
    { config: { callers: ANYBODY, limit: 'auth' }, schema: { response: { 200: ChallengeView } } },
    async ({ call }) => ({ challenge: issueChallenge({ key: app.secrets.challengeKey, nowMs: call.nowMs }) }),
  )

  api.post(
    '/auth/sign-up',
    {
      config: { callers: ANYBODY, limit: 'auth', shed: 'first' },
      schema: { body: TypedDataBody, response: { 200: AccountView } },
    },
    (request, reply) => answers.once(request, reply, (call) => signUp(app, call, request.body)),
  )

  api.post(
    '/auth/sign-in',
    {
      config: { callers: ANYBODY, limit: 'auth', secretAnswer: true },
      schema: { body: TypedDataBody, response: { 200: AuthorizationView } },
    },
    (request, reply) => answers.once(request, reply, (call) => signIn(app, call, request.body)),
  )

  api.post(
    '/auth/api-keys',
    {
      config: { callers: KEY_MANAGERS, limit: 'write', secretAnswer: true },
      schema: { body: CreateApiKeyBody, response: { 200: NewApiKeyView } },
    },
    (request, reply) => answers.once(request, reply, (call) => createApiKey(app, call, request.body)),
  )

  api.get(
    '/auth/api-keys',
    {
      config: { callers: KEY_MANAGERS, limit: 'read' },
      schema: { querystring: ApiKeyQuery, response: { 200: Type.Array(ApiKeyView) } },
    },
    async (request, reply) => sendList(request, reply, await listApiKeys(app, request.call, request.query)),
  )

  api.post(
    '/auth/api-keys/:keyId/revoke',
    {
      config: { callers: KEY_ENDERS, limit: 'write' },
      schema: { params: KeyPath, response: { 200: ApiKeyView } },
    },
    (request, reply) => answers.once(request, reply, (call) => revokeApiKey(app, call, request.params.keyId)),
  )
}
