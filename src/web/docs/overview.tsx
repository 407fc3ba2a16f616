import type { Reference } from './openapi.ts'
import { Listing, Prose, pretty } from './prose.tsx'
import { Problems } from './route.tsx'

/** What holds for all routes. */
export function Overview({ reference }: { reference: Reference }) {
  const { version, introduction, base, tags, events, problems } = reference
  return (
    <article class="stack">
      <h2>The API of this server</h2>
      <Prose text={introduction} />
      <dl class="ledger">
        <Line name="Base" value={location.origin + base} />
        <Line name="Version" value={version} />
        <Line name="Payers and payees" value="Authorization: Bearer …" />
        <Line name="Shops with a key" value="x-api-key: …" />
      </dl>
      <p>
        For programs: <a href={`${base}/openapi.json`}>the OpenAPI document</a>.
      </p>
      <section class="stack">
        <h3>Parts</h3>
        <dl class="fields">
          {tags.map(({ name, description }) => (
            <div class="field-line" key={name}>
              <dt>{name}</dt>
              <dd>{description}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section class="stack">
        <h3>Events, by the stream and by webhooks</h3>
        {events.map(({ type, summary, example }) => (
          <details key={type}>
            <summary>
              <code>{type}</code> {summary}
            </summary>
            <Listing text={pretty(example)} />
          </details>
        ))}
      </section>
      <section class="stack">
        <h3>Errors</h3>
        <Problems problems={problems} />
      </section>
    </article>
  )
}

function Line({ name, value }: { name: string; value: string }) {
  return (
    <div class="ledger__line">
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </div>
  )
}
