import { type Signal, signal } from '@preact/signals'
import { namesAt, parse, textAt } from '../design/memory.ts'
import { say } from '../design/surfaces.tsx'

/** All that the register keeps in the browser has keys that begin like this. */
const PREFIX = 'sixpence.register.'

/** A signal whose value is kept in this browser. Where nothing may be kept, it lasts as long as the page. */
export function kept<T extends object>(name: string, initial: T): Signal<T> {
  const isLike = (found: unknown): found is Partial<T> => isObject(found) && isAlike(found, initial)
  const value = signal<T>({ ...initial, ...read(name, isLike) })
  value.subscribe((next) => write(name, next))
  return value
}

/**
 * @param isFit whether what stands there has the form that it should have
 * @returns null where there is nothing, or nothing that can be read: that is put aside, and said
 */
export function read<T>(name: string, isFit: (found: unknown) => found is T): T | null {
  const text = textAt(PREFIX + name)
  if (text === null) return null
  const found = parse(text)
  if (isFit(found)) return found
  putAside(name, text)
  return null
}

/** Nothing is written over it; whoever knows how to mend it finds it there. */
function putAside(name: string, text: string): void {
  const aside = `aside.${name}.${Date.now()}`
  if (writeText(PREFIX + aside, text)) forget(name)
  say(`What this register kept as “${name}” cannot be read. It is put aside in this browser as “${PREFIX}${aside}”.`)
}

export function isObject(found: unknown): found is object {
  return typeof found === 'object' && found !== null && !Array.isArray(found)
}

/** Fields that both have must be of one kind; what is null at first may be anything that is no plain value. */
function isAlike(found: object, initial: object): boolean {
  const kinds = new Map(Object.entries(initial).map(([name, value]) => [name, typeof value]))
  return Object.entries(found).every(([name, value]) => !kinds.has(name) || kinds.get(name) === typeof value)
}

/** @returns whether it was kept: a browser may be full, or may not be allowed to */
export function write(name: string, value: unknown): boolean {
  return writeText(PREFIX + name, JSON.stringify(value))
}

function writeText(key: string, text: string): boolean {
  try {
    localStorage.setItem(key, text)
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
  return namesAt(PREFIX + beginning).map((name) => name.slice(PREFIX.length))
}
