import { type ComponentChildren, h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { GUIDES, loadGuide, type Piece } from './guides.ts'
import { Listing } from './prose.tsx'

/**
 * One guide, as the build found it.
 * @param part the id of the heading to begin at; '' for the top
 */
export function GuideView({ id, part }: { id: string; part: string }) {
  const [pieces, setPieces] = useState<Piece[] | null>(null)
  const [isLost, setLost] = useState(false)
  const article = useRef<HTMLElement>(null)
  useEffect(() => {
    setPieces(null)
    setLost(false)
    let isWanted = true
    loadGuide(id).then(
      (found) => isWanted && setPieces(found),
      () => isWanted && setLost(true),
    )
    return () => {
      isWanted = false
    }
  }, [id])
  useEffect(() => {
    const heading = article.current?.querySelector<HTMLElement>(part === '' ? 'h2' : `#${CSS.escape(part)}`)
    if (!heading) return
    heading.tabIndex = -1
    heading.focus()
    if (part !== '') heading.scrollIntoView()
  }, [pieces, part])
  if (isLost) return <p class="notice notice--bad">The guide has not come. Load this page again.</p>
  if (pieces === null) return <p class="muted">One moment…</p>
  const next = GUIDES[GUIDES.findIndex((guide) => guide.id === id) + 1]
  return (
    <article class="guide stack" ref={article}>
      {pieces.map(shown)}
      {next && (
        <p>
          Next: <a href={`#guide/${next.id}`}>{next.title}</a>
        </p>
      )}
    </article>
  )
}

function shown(piece: Piece): ComponentChildren {
  if (typeof piece === 'string') return piece
  const [tag, attributes, ...inside] = piece
  if (tag === 'pre') return <Listing text={inside.join('')} />
  return h(tag, attributes, ...inside.map(shown))
}
