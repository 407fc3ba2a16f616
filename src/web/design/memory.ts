/** @returns what the browser keeps under a name; null where there is nothing, or where it lets the page have no memory */
export function textAt(name: string): string | null {
  try {
    return localStorage.getItem(name)
  } catch {
    return null
  }
}

/** The names of all that the browser keeps and that begin like this. */
export function namesAt(beginning: string): string[] {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(beginning))
  } catch {
    return []
  }
}

/** @returns undefined where it is no JSON */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
