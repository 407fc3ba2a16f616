import { PROBLEMS, type ProblemCode } from '../src/protocol/problems.ts'
import { send } from '../test/http/calls.ts'
import type { Answer, TestCaller } from '../test/support/server.ts'
import type { Example, Recording } from './examples.ts'
import type { Json, JsonObject } from './json.ts'

type CallInput = { params?: Record<string, string>; query?: Record<string, string>; body?: Json }

/** Makes calls, and keeps each with its answer. */
export class Recorder {
  readonly #calls: Example[] = []
  readonly #problems: Recording['problems'] = {}
  readonly #webhooks: Record<string, Json> = {}

  get recording(): Recording {
    return { calls: this.#calls, problems: this.#problems, webhooks: this.#webhooks }
  }

  /** Makes a call that succeeds. @throws Error where it does not */
  async call<Body = JsonObject & { id: string }>(
    caller: TestCaller,
    route: string,
    title: string,
    input: CallInput = {},
  ): Promise<Body> {
    const { status, body } = await sendTo(caller, route, input)
    const answer: Json = JSON.parse(JSON.stringify(body))
    if (status !== 200) throw new Error(`${route} (${title}): ${status} ${JSON.stringify(body)}`)
    const { params = {}, query = {} } = input
    this.add({
      ...{ route, title, params, query },
      ...(input.body !== undefined && { body: input.body }),
      answer,
    })
    return body as Body
  }

  add(example: Example): void {
    this.#calls.push(example)
  }

  addWebhook(type: string, body: Json): void {
    this.#webhooks[type] ??= body
  }

  /** Keeps a problem as an example of its kind. @throws Error where it is of another */
  refused(code: ProblemCode, { status, body }: Answer<object>): void {
    const answer: Json = JSON.parse(JSON.stringify(body))
    if (status !== PROBLEMS[code].status || body.code !== code) throw new Error(`no ${code}: ${JSON.stringify(answer)}`)
    this.#problems[code] = answer
  }
}

/** Makes a call of a route whose path has places for parameters. */
function sendTo(caller: TestCaller, route: string, { params = {}, query = {}, body }: CallInput) {
  const [, template = ''] = route.split(' ')
  const filled = template.replaceAll(/:(\w+)/g, (_, name: string) => params[name] ?? '')
  const search = new URLSearchParams(query).toString()
  return send(route, { path: search === '' ? filled : `${filled}?${search}`, body, caller }, caller)
}
