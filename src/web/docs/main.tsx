import { computed, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { SearchField } from '../design/controls.tsx'
import { mount } from '../design/mount.tsx'
import { Shell } from '../design/surfaces.tsx'
import { loadReference, type Reference } from './openapi.ts'
import { Overview } from './overview.tsx'
import { Method, RouteView } from './route.tsx'

/** The reference: what this very server says of its routes, one of them at a time. `#` and its id is the way to a route. */

const reference = signal<Reference | null>(null)
const isLost = signal(false)
const chosenId = signal(location.hash.slice(1))
const sought = signal('')

const found = computed(() => {
  const words = sought.value.toLowerCase().split(/\s+/)
  return (reference.value?.routes ?? []).filter(({ text }) => words.every((word) => text.includes(word)))
})

function Docs() {
  if (reference.value !== null) return <Loaded all={reference.value} />
  return <Shell title="Reference">{isLost.value ? <Lost /> : <p class="muted">One moment…</p>}</Shell>
}

function Loaded({ all }: { all: Reference }) {
  const route = all.routes.find(({ id }) => id === chosenId.value)
  const title = `${route?.summary ?? 'Reference'} · Sixpence`
  useEffect(() => {
    document.title = title
  }, [title])
  const actions = (
    <a class="button button--plain" href="#all">
      All routes
    </a>
  )
  return (
    <Shell title="Reference" actions={route && actions}>
      <div class={route ? 'reference reference--chosen' : 'reference'}>
        <Menu all={all} />
        {route ? <RouteView route={route} resolve={all.resolve} /> : <Overview reference={all} />}
      </div>
    </Shell>
  )
}

function Lost() {
  return (
    <p class="notice notice--bad" role="alert">
      The reference has not come. Load this page again, or read <a href="/api/v1/openapi.json">the document</a> itself.
    </p>
  )
}

function Menu({ all }: { all: Reference }) {
  return (
    <nav class="menu stack" aria-label="Routes">
      <search>
        <form onSubmit={openFirst}>
          <SearchField
            label="Search"
            hint={`${found.value.length} of ${all.routes.length} routes`}
            placeholder="a word, a field, an error"
            value={sought.value}
            onSought={(words) => (sought.value = words)}
          />
        </form>
      </search>
      {all.tags.map(({ name }) => (
        <Group key={name} name={name} />
      ))}
    </nav>
  )
}

/** Enter opens what was found first. */
function openFirst(event: Event): void {
  event.preventDefault()
  const [first] = found.value
  if (first) location.hash = first.id
}

function Group({ name }: { name: string }) {
  const routes = found.value.filter(({ tag }) => tag === name)
  if (routes.length === 0) return null
  return (
    <section class="stack stack--tight">
      <h2 class="menu__title">{name}</h2>
      <ul>
        {routes.map(({ id, method, summary }) => (
          <li key={id}>
            <a class="menu__link" href={`#${id}`} aria-current={id === chosenId.value ? 'page' : undefined}>
              <Method name={method} /> {summary}
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}

async function load(): Promise<void> {
  try {
    reference.value = await loadReference()
  } catch {
    isLost.value = true
  }
}

addEventListener('hashchange', () => {
  chosenId.value = location.hash.slice(1)
  scrollTo(0, 0)
})
void load()
mount(<Docs />)
