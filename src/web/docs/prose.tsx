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

/** Something to be read letter by letter. Its lines wrap, so that nothing has to be scrolled sideways. */
export function Listing({ text }: { text: string }) {
  return <pre class="listing">{text}</pre>
}

export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
