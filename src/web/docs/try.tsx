import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { Button, Field } from '../design/controls.tsx'
import type { Route } from './openapi.ts'
import { Listing, pretty } from './prose.tsx'

/** A token or an API key, for as long as the page is open: it is kept nowhere else. */
const key = signal('')

type Answer = { status: string; text: string }

/** Makes the call that is filled in, with this very server. */
export function TryIt({ route }: { route: Route }) {
  const [answer, setAnswer] = useState<Answer | null>(null)
  const [given, setGiven] = useState<Record<string, string>>({})
  const [body, setBody] = useState(() => pretty(route.calls.find((call) => call.body !== undefined)?.body ?? {}))
  const fields = route.parameters.filter((parameter) => parameter.in !== 'header')
  const make = async (event: Event) => {
    event.preventDefault()
    setAnswer({ status: 'One moment…', text: '' })
    setAnswer(await call(route, given, body))
  }
  return (
    <form class="stack" onSubmit={make}>
      {route.needsToken && <KeyField />}
      {fields.map(({ name, required, example }) => (
        <Field key={name} label={required ? name : `${name} (may be left out)`}>
          {(control) => (
            <input
              {...control}
              class="control"
              required={required}
              placeholder={String(example ?? '')}
              value={given[name] ?? ''}
              onInput={({ currentTarget }) => setGiven({ ...given, [name]: currentTarget.value })}
              autocomplete="off"
              spellcheck={false}
            />
          )}
        </Field>
      ))}
      {route.body && (
        <Field label="Body">
          {(control) => (
            <textarea
              {...control}
              class="control try__body"
              rows={Math.min(body.split('\n').length, 16)}
              value={body}
              onInput={({ currentTarget }) => setBody(currentTarget.value)}
              spellcheck={false}
            />
          )}
        </Field>
      )}
      <div>
        <Button type="submit" kind="main">
          Make the call
        </Button>
      </div>
      <div role="status">{answer && <p>{answer.status}</p>}</div>
      {answer && answer.text !== '' && <Listing text={answer.text} />}
    </form>
  )
}

function KeyField() {
  return (
    <Field label="API key or token" hint="It stays in this page, and is gone when the page is.">
      {(control) => (
        <input
          {...control}
          class="control"
          type="password"
          value={key.value}
          onInput={({ currentTarget }) => (key.value = currentTarget.value.trim())}
          autocomplete="off"
        />
      )}
    </Field>
  )
}

async function call(route: Route, given: Record<string, string>, body: string): Promise<Answer> {
  const { method, path, parameters, needsToken } = route
  const takesBody = method === 'POST' || method === 'PATCH'
  const query = new URLSearchParams(
    parameters.flatMap(({ name, in: where }) => (where === 'query' && given[name] ? [[name, given[name]]] : [])),
  )
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given[name] ?? ''))
  const headers: Record<string, string> = takesBody ? { 'content-type': 'application/json' } : {}
  if (needsToken && key.value.startsWith('sxp_')) headers['x-api-key'] = key.value
  else if (needsToken && key.value !== '') headers.authorization = `Bearer ${key.value}`
  try {
    const response = await fetch(`${query}` === '' ? filled : `${filled}?${query}`, {
      method,
      headers,
      ...(takesBody && { body: route.body ? body : '{}' }),
    })
    return { status: `The server answered ${response.status}.`, text: readable(await response.text()) }
  } catch {
    return {
      status: 'The call could not be made: the server cannot be reached, or the key has characters that no key has.',
      text: '',
    }
  }
}

function readable(text: string): string {
  try {
    return pretty(JSON.parse(text))
  } catch {
    return text
  }
}
