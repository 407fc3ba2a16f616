import { type Signal, signal } from '@preact/signals'

/** All that the register keeps in the browser has keys that begin like this. */
const PREFIX = 'sixpence.register.'

/** A signal whose value is kept in this browser. Where nothing may be kept, it lasts as long as the page. */
export function kept<T extends object>(name: string, initial: T): Signal<T> {
  const value = signal<T>({ ...initial, ...read<Partial<T>>(name) })
  value.subscribe((next) => write(name, next))
  return value
}

/** @returns null where there is nothing, or nothing that can be read */
export function read<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? 'null')
  } catch {
    return null
  }
}

/** @returns whether it was kept: a browser may be full, or may not be allowed to */
export function write(name: string, value: unknown): boolean {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export function forget(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name)
  } catch {
    // What could not be kept need not be forgotten.
  }
}

/** The names of all that is kept and begins like this. */
export function namesKept(beginning: string): string[] {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + beginning))
    return names.map((name) => name.slice(PREFIX.length))
  } catch {
    return []
  }
}
