import { readFile, writeFile } from 'node:fs/promises'
import { makeDocument } from './document.ts'
import { playStory } from './story.ts'

/** Writes the OpenAPI document anew: `node reference/main.ts`. */
const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
const { recording, routes } = await playStory()
const document = makeDocument(routes, recording, version)
await writeFile(
  new URL('../src/http/reference/openapi.json', import.meta.url),
  `${JSON.stringify(document, null, 1)}\n`,
)
