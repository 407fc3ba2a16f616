import { useEffect, useRef } from 'preact/hooks'
import { curlOf } from './curl.ts'
import type { Problem, Reference, Route } from './openapi.ts'
import { Part } from './part.tsx'
import { Listing, Prose, pretty } from './prose.tsx'
import { Field, Fields, typeOf } from './schema.tsx'
import { TryIt } from './try.tsx'

type Resolve = Reference['resolve']

/**
 * All that is to be known of one route; what is long is folded.
 * @param part which part the address names; '' for none
 */
export function RouteView({ route, part, resolve }: { route: Route; part: string; resolve: Resolve }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (part === '') heading.current?.focus()
  }, [route.id, part])
  return (
    <article class="stack" key={route.id}>
      <h2 ref={heading} tabIndex={-1}>
        {route.summary}
      </h2>
      <p class="call">
        <Method name={route.method} /> <code>{route.path}</code>
      </p>
      {route.also.map(({ path }) => (
        <p key={path} class="small muted">
          Also at <code>{path}</code>
        </p>
      ))}
      <Prose text={route.description} />
      <Parameters route={route} isNamed={part === 'parameters'} resolve={resolve} />
      {route.body && (
        <Part title="Body" aside={typeOf(route.body, resolve)} isNamed={part === 'body'} isOpen>
          <Fields schema={route.body} resolve={resolve} />
        </Part>
      )}
      <Part title="Answer" aside={typeOf(route.answer, resolve)} isNamed={part === 'answer'}>
        <Fields schema={route.answer} resolve={resolve} />
      </Part>
      <Calls route={route} isNamed={part === 'examples'} />
      {route.answerType === 'application/json' && (
        <Part title="Try it" aside="with this server" isNamed={part === 'try'}>
          <TryIt route={route} />
        </Part>
      )}
      <Part title="Errors" aside={`${route.problems.length} codes`} isNamed={part === 'errors'}>
        {route.limit !== '' && <Prose text={`\`rate_limit\`: ${route.limit}`} />}
        <Problems problems={route.problems} />
      </Part>
    </article>
  )
}

export function Method({ name }: { name: string }) {
  return <span class={`method method--${name.toLowerCase()}`}>{name}</span>
}

const WHERE = { path: 'in the path', query: 'in the query', header: 'as a header' }

type ParametersProps = { route: Route; isNamed: boolean; resolve: Resolve }

function Parameters({ route: { parameters }, isNamed, resolve }: ParametersProps) {
  const count = parameters.length
  if (count === 0) return null
  return (
    <Part title="Parameters" aside={String(count)} isNamed={isNamed}>
      <dl class="fields">
        {parameters.map(({ name, in: where, required = false, description, schema }) => {
          const said = `${description ?? ''} (${WHERE[where]}).`
          return (
            <Field key={name} {...{ name, schema: { ...schema, description: said }, isRequired: required, resolve }} />
          )
        })}
      </dl>
    </Part>
  )
}

/** What was really sent and answered. */
function Calls({ route, isNamed }: { route: Route; isNamed: boolean }) {
  const { calls, answerType } = route
  return (
    <Part title="Examples" aside={String(calls.length)} isNamed={isNamed} isOpen>
      {calls.map((call, index) => (
        <details key={call.title} open={index === 0}>
          <summary>{call.title}</summary>
          <div class="stack stack--tight">
            <Listing text={curlOf(route, call.body, location.origin)} />
            <p class="small muted">answers</p>
            <Listing text={answerType === 'application/json' ? pretty(call.answer) : String(call.answer)} />
          </div>
        </details>
      ))}
    </Part>
  )
}

export function Problems({ problems }: { problems: Problem[] }) {
  return (
    <dl class="fields">
      {problems.map(({ code, status, title, detail }) => (
        <div class="field-line" key={code}>
          <dt>
            <code>{code}</code> <span class="small muted">{status}</span>
          </dt>
          <dd>{title}.</dd>
          {detail !== '' && <dd class="small muted">“{detail}”</dd>}
        </div>
      ))}
    </dl>
  )
}
