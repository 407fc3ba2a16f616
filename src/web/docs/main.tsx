import { computed, signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { SearchField } from '../design/controls.tsx'
import { mount } from '../design/mount.tsx'
import { Shell } from '../design/surfaces.tsx'
import { GuideView } from './guide.tsx'
import { GUIDES } from './guides.ts'
import { loadReference, type Reference, type Route } from './openapi.ts'
import { Overview } from './overview.tsx'
import { Method, RouteView } from './route.tsx'

/**
 * The guides and the reference: what this very server says of its routes, one at a time. `#` and its id is the way to a
 * route, `#guide/` and its name to a guide; a part of either may follow, after another `/`.
 */

const reference = signal<Reference | null>(null)
const isLost = signal(false)
const address = signal(location.hash.slice(1))
const sought = signal('')

const found = computed(() => {
  const words = sought.value.toLowerCase().split(/\s+/)
  return (reference.value?.routes ?? []).filter(({ text }) => words.every((word) => text.includes(word)))
})

/** What the address names. */
const chosen = computed(() => {
  const [first = '', second = '', third = ''] = address.value.split('/').map(decoded)
  if (first === 'guide') return { guide: GUIDES.find(({ id }) => id === second), id: '', part: third }
  return { guide: undefined, id: first, part: second }
})

/** Addresses are typed by people, too. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function Docs() {
  if (reference.value !== null) return <Loaded all={reference.value} />
  return <Shell title="Reference">{isLost.value ? <Lost /> : <p class="muted">One moment…</p>}</Shell>
}

function Loaded({ all }: { all: Reference }) {
  const { guide, id, part } = chosen.value
  const route = all.routes.find((one) => one.id === id || one.also.some((twin) => twin.id === id))
  const title = `${guide?.title ?? route?.summary ?? 'Reference'} · Sixpence`
  useEffect(() => {
    document.title = title
  }, [title])
  const isChosen = guide !== undefined || route !== undefined
  const actions = (
    <a class="button button--plain" href="#all">
      All guides and routes
    </a>
  )
  return (
    <Shell title={guide ? 'Guides' : 'Reference'} actions={isChosen && actions}>
      <div class={isChosen ? 'reference reference--chosen' : 'reference'}>
        <Menu all={all} route={route} />
        {guide && <GuideView id={guide.id} part={part} />}
        {route && <RouteView route={route} part={part} resolve={all.resolve} />}
        {!isChosen && <Overview reference={all} />}
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

function Menu({ all, route }: { all: Reference; route: Route | undefined }) {
  return (
    <nav class="menu stack stack--tight" aria-label="Guides and routes">
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
      {sought.value === '' && <Guides isOpen={route === undefined} />}
      {all.tags.map(({ name }) => (
        <Group key={name} name={name} chosen={route} />
      ))}
    </nav>
  )
}

function Guides({ isOpen }: { isOpen: boolean }) {
  return (
    <details open={isOpen}>
      <summary class="menu__title">Guides</summary>
      <ul>
        {GUIDES.map(({ id, title }) => (
          <li key={id}>
            <a
              class="menu__link menu__link--guide"
              href={`#guide/${id}`}
              aria-current={id === chosen.value.guide?.id ? 'page' : undefined}
            >
              {title}
            </a>
          </li>
        ))}
      </ul>
    </details>
  )
}

/** Enter opens what was found first. */
function openFirst(event: Event): void {
  event.preventDefault()
  const [first] = found.value
  if (first) location.hash = first.id
}

/** Open where the route is that is read, and where something is sought. */
function Group({ name, chosen }: { name: string; chosen: Route | undefined }) {
  const routes = found.value.filter(({ tag }) => tag === name)
  if (routes.length === 0) return null
  return (
    <details open={sought.value !== '' || chosen?.tag === name}>
      <summary class="menu__title">{name}</summary>
      <ul>
        {routes.map(({ id, method, summary }) => (
          <li key={id}>
            <a class="menu__link" href={`#${id}`} aria-current={id === chosen?.id ? 'page' : undefined}>
              <Method name={method} /> {summary}
            </a>
          </li>
        ))}
      </ul>
    </details>
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
  address.value = location.hash.slice(1)
  scrollTo(0, 0)
})
void load()
mount(<Docs />)
