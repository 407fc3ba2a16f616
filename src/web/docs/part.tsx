import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

type PartProps = {
  title: string
  /** Beside the title, in small. */
  aside?: string
  isOpen?: boolean
  /** The address names it: it is opened, and the keyboard goes on there. */
  isNamed: boolean
  children: ComponentChildren
}

/** A part of a route that folds. */
export function Part({ title, aside, isOpen = false, isNamed, children }: PartProps) {
  const details = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    if (!isNamed || !details.current) return
    details.current.open = true
    details.current.querySelector('summary')?.focus()
    details.current.scrollIntoView()
  }, [isNamed])
  return (
    <details class="part" ref={details} open={isOpen}>
      <summary>
        <h3>{title}</h3> {aside && <span class="small muted">{aside}</span>}
      </summary>
      <div class="stack">{children}</div>
    </details>
  )
}
