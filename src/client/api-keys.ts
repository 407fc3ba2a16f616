import type { ApiKeyView, CreateApiKeyBody, NewApiKeyView } from '../protocol/schemas.ts'
import { type CallOptions, type Client, type PostOptions, path } from './client.ts'

/** Keys by which a user is paid without signing in. */
export function apiKeyActions(client: Client) {
  return {
    /** The answer holds the key, this once. */
    createApiKey: (body: CreateApiKeyBody, options?: PostOptions) =>
      client.post<NewApiKeyView>('/auth/api-keys', body, options),

    listApiKeys: (options?: CallOptions) => client.get<ApiKeyView[]>('/auth/api-keys', options),

    ...keyEndingActions(client),
  }
}

/** What users do to any of their keys, and a key to itself alone. */
export function keyEndingActions(client: Client) {
  return {
    /** Ends a key at once. */
    revokeApiKey: (keyId: string, options?: PostOptions) =>
      client.post<ApiKeyView>(path`/auth/api-keys/${keyId}/revoke`, {}, options),
  }
}
