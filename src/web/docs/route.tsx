import { useEffect, useRef } from 'preact/hooks'
import { curlOf } from './curl.ts'
import type { Problem, Reference, Route } from './openapi.ts'
import { Listing, Prose, pretty } from './prose.tsx'
import { Field, Fields, typeOf } from './schema.tsx'

type Resolve = Reference['resolve']

/** All that is to be known of one route. */
export function RouteView({ route, resolve }: { route: Route; resolve: Resolve }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [route.id])
  return (
    <article class="stack" key={route.id}>
      <h2 ref={heading} tabIndex={-1}>
        {route.summary}
      </h2>
      <p class="call">
        <Method name={route.method} /> <code>{route.path}</code>
      </p>
      <Prose text={route.description} />
      <Parameters route={route} resolve={resolve} />
      {route.body && (
        <section class="stack">
          <h3>
            Body <span class="small muted">{typeOf(route.body, resolve)}</span>
          </h3>
          <Fields schema={route.body} resolve={resolve} />
        </section>
      )}
      <section class="stack">
        <h3>
          Answer <span class="small muted">{typeOf(route.answer, resolve)}</span>
        </h3>
        <Fields schema={route.answer} resolve={resolve} />
      </section>
      <Calls route={route} />
      <section class="stack">
        <h3>Errors</h3>
        <Prose text={`\`rate_limit\`: ${route.limit}`} />
        <Problems problems={route.problems} />
      </section>
    </article>
  )
}

export function Method({ name }: { name: string }) {
  return <span class={`method method--${name.toLowerCase()}`}>{name}</span>
}

const WHERE = { path: 'in the path', query: 'in the query', header: 'as a header' }

function Parameters({ route: { parameters }, resolve }: { route: Route; resolve: Resolve }) {
  if (parameters.length === 0) return null
  return (
    <section class="stack">
      <h3>Parameters</h3>
      <dl class="fields">
        {parameters.map(({ name, in: where, required = false, description, schema }) => {
          const said = `${description ?? ''} (${WHERE[where]}).`
          return (
            <Field key={name} {...{ name, schema: { ...schema, description: said }, isRequired: required, resolve }} />
          )
        })}
      </dl>
    </section>
  )
}

/** What was really sent and answered. */
function Calls({ route }: { route: Route }) {
  const { calls, answerType } = route
  return (
    <section class="stack">
      <h3>Examples</h3>
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
    </section>
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
