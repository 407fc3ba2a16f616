import { spawn } from 'node:child_process'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { playStory } from '../reference/story.ts'
import { freePort } from '../test/support/free-port.ts'
import { environment, followProgram } from '../test/support/program.ts'
import { installElsewhere } from './packed.ts'
import { startSandbox } from './sandbox.ts'
import { startWatch, type Watch } from './watched-calls.ts'

/**
 * Puts Prism's proxy, which validates by the OpenAPI document, between clients and the server: the story of the reference,
 * in which every route is called, and the demos; or, with `--client PROGRAM`, that program, which gets `--url` and `--rpc`.
 * Fails where Prism finds fault with a call that the server took, or with an answer. `npm run prism:check`
 */

const PRISM = '@stoplight/prism-cli@5.16.0'
const DOCUMENT = join(import.meta.dirname, '../src/http/reference/openapi.json')

const { values } = parseArgs({ options: { client: { type: 'string' } } })
const { folder } = installElsewhere(PRISM)

/** Starts Prism before a server, and what hears of its findings before Prism. */
async function watch(upstream: string): Promise<Watch> {
  const port = await freePort()
  const prism = join(folder, 'node_modules/@stoplight/prism-cli/dist/index.js')
  const child = spawn(process.execPath, [prism, 'proxy', DOCUMENT, `${upstream}/api/v1`, '--port', String(port)], {
    env: environment(),
  })
  process.once('exit', () => child.kill())
  await followProgram(child).says(/Prism is listening/)
  const watching = await startWatch({ upstream, validator: `http://127.0.0.1:${port}` })
  return {
    ...watching,
    stop: async () => {
      child.kill()
      await watching.stop()
    },
  }
}

/** @returns what was wrong */
function report(name: string, { seen }: Watch): string[] {
  const wanted = seen.filter(({ kind }) => kind === 'refused')
  console.log(`${name}: ${seen.length} calls, ${wanted.length} that the server refused and Prism would have, too`)
  for (const { call, said } of wanted) console.log(`  bad input: ${call}: ${said}`)
  return seen.filter(({ kind }) => kind === 'fault').map(({ call, said }) => `${name}: ${call}: ${said}`)
}

async function watchStory(): Promise<string[]> {
  let watching: Watch | null = null
  await playStory(async (url) => {
    watching = await watch(url)
    return watching.url
  })
  if (watching === null) throw new Error('the story made no call')
  await (watching as Watch).stop()
  return report('the story of the reference', watching)
}

/** Runs programs, one after the other, against a sandbox of their own. */
async function watchPrograms(programs: string[][]): Promise<string[]> {
  const sandbox = await startSandbox(join(folder, 'data'), '--rate-limits', 'off')
  const watching = await watch(sandbox.url)
  const places = ['--url', watching.url, '--rpc', sandbox.rpcUrl]
  const failed: string[] = []
  for (const program of programs) {
    const client = followProgram(spawn(process.execPath, [...program, ...places], { env: environment() }))
    if ((await client.ended) !== 0) failed.push(`${program.join(' ')} failed: ${client.said()}`)
  }
  await watching.stop()
  await sandbox.stop()
  return [
    ...report(programs.map(([path = '', ...rest]) => [basename(path), ...rest].join(' ')).join(', '), watching),
    ...failed,
  ]
}

const MAIN = join(import.meta.dirname, '../src/main.ts')
const DEMOS = [['demo'], ['demo', '--fx'], ['demo', '--one-signature']].map((demo) => [MAIN, ...demo])

const { client } = values
const faults =
  client === undefined ? [...(await watchStory()), ...(await watchPrograms(DEMOS))] : await watchPrograms([[client]])
for (const fault of faults) console.log(`FAULT ${fault}`)
process.exit(faults.length === 0 ? 0 : 1)
