/// <reference types="vite/types/importMeta.d.ts" />

/** Text, or an element with its attributes and what is in it: what the build made of a guide. */
export type Piece = string | [tag: string, attributes: Record<string, string>, ...inside: Piece[]]

/** The guides in the order in which they are read. */
export const GUIDES = [
  { id: 'first-payment', title: 'A first payment' },
  { id: 'sessions-and-splits', title: 'Sessions and splits' },
  { id: 'fx', title: 'Paying in another currency' },
  { id: 'webhooks', title: 'Webhooks' },
  { id: 'writing-a-wallet', title: 'Writing a wallet' },
  { id: 'going-to-production', title: 'Going to production' },
  { id: 'helpers', title: 'What the guides share' },
]

const FILES = import.meta.glob<Piece[]>('../../../docs/guides/*.{md,sh}', { import: 'default' })

/** Each guide is a script of its own, asked for when it is first read. @throws Error where there is none of the name */
export async function loadGuide(id: string): Promise<Piece[]> {
  const load = Object.entries(FILES).find(([path]) => path.replace(/^.*\/|\.\w+$/g, '') === id)?.[1]
  if (!load) throw new Error(`there is no guide ${id}`)
  return load()
}
