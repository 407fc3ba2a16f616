/** What a page needs of a browser that may be older, or that may keep it from the page. */
const NEEDS: readonly { name: string; isThere: () => boolean; without: string }[] = [
  {
    name: 'localStorage',
    isThere: () => localStorage.getItem('') !== undefined,
    without: 'what is set up here is lost when the page is closed, and the wallet cannot pay',
  },
  {
    name: 'ReadableStream',
    isThere: () => typeof ReadableStream === 'function',
    without: 'what happens is seen late, or not at all',
  },
  { name: 'fetch', isThere: () => typeof fetch === 'function', without: 'the server cannot be asked' },
]

/** Says by name what the browser lacks. Cryptography is named where it is needed: pages that came over plain http have none. */
export function Lacks() {
  return (
    <>
      {NEEDS.filter(({ isThere }) => !holds(isThere)).map(({ name, without }) => (
        <p key={name} class="notice notice--bad" role="alert">
          This browser has no <code>{name}</code>, or keeps it from this page: {without}.
        </p>
      ))}
    </>
  )
}

/** Browsers that keep something from a page throw as it is looked for. */
function holds(isThere: () => boolean): boolean {
  try {
    return isThere()
  } catch {
    return false
  }
}
