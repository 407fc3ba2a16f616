import type { ProblemView } from '../protocol/schemas.ts'

/** A call that the server turned down, or that did not reach it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
}

/** A caller of the HTTP API, for commands. Answers are what the server says; the caller states their shape. */
export type Api = {
  get: <Answer>(path: string) => Promise<Answer>
  post: <Answer>(path: string, body?: unknown) => Promise<Answer>
}

/**
 * @param url where the server is, such as `http://127.0.0.1:4040`
 * @param token bearer token, where there is one
 */
export function createApi(url: string, token?: string): Api {
  const send = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await reach(url, `${url}/api/v1${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (response.ok) return answer as Answer
    const problem = answer as ProblemView
    throw new ApiError(`${method} ${path} → ${problem.status} ${problem.code}: ${problem.detail}`)
  }
  return { get: (path) => send('GET', path), post: (path, body = {}) => send('POST', path, body) }
}

async function reach(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (cause) {
    throw new ApiError(`No server answers at ${url}. Start one with: npm start`, { cause })
  }
}
