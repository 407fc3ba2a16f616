import { useRef } from 'preact/hooks'
import { say } from '../design/surfaces.tsx'

/** Text as the document writes it: paragraphs, and code between backticks. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {text.split('\n\n').map((paragraph) => (
        <p key={paragraph}>
          {paragraph.split('`').map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part))}
        </p>
      ))}
    </>
  )
}

/** What is longer is scrolled. */
const MAX_LINES = 24

/** Something to be read letter by letter, or copied. Its lines wrap, so that nothing has to be scrolled sideways. */
export function Listing({ text }: { text: string }) {
  const listing = useRef<HTMLPreElement>(null)
  const isLong = text.split('\n').length > MAX_LINES
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      say('Copied')
    } catch {
      // Browsers keep the clipboard from pages that came by plain HTTP.
      if (listing.current) getSelection()?.selectAllChildren(listing.current)
      say('Chosen: copy it with the keyboard')
    }
  }
  return (
    <div class="copyable">
      <pre class={isLong ? 'listing listing--long' : 'listing'} ref={listing} tabIndex={isLong ? 0 : undefined}>
        {text}
      </pre>
      <button type="button" class="copyable__copy" onClick={copy}>
        Copy
      </button>
    </div>
  )
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
