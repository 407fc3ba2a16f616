import { readFile, writeFile } from 'node:fs/promises'
import { makeDocument } from './document.ts'
import { playStory } from './story.ts'

/** Writes the OpenAPI document anew: `npm run build:reference`. */
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
const { recording, routes } = await playStory()
const document = makeDocument(routes, recording, version)
await writeFile(
  new URL('../src/http/reference/openapi.json', import.meta.url),
  `${JSON.stringify(document, null, 1)}\n`,
)
