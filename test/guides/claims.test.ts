import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import packageFile from '../../package.json' with { type: 'json' }
import clientPackage from '../../packages/client/package.json' with { type: 'json' }
import { DEMO_SETTINGS, MOVE_SETTINGS, readConfig, SETTINGS } from '../../src/config.ts'
import { EVENT_TYPES } from '../../src/domain/event.ts'
import { operationAt } from '../support/documented.ts'
import { blocksOf } from './blocks.ts'

/** What documents name has to be there, also where their blocks are not run. */

const ROOT = join(import.meta.dirname, '../..')

const documents = await textsOf(['README.md', 'docs/*.md', 'docs/guides/*.{md,sh}', '{bench,deploy}/*.md'])

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const list: string[] = []
  for await (const name of names) list.push(name)
  return list
}

async function textsOf(patterns: string[]): Promise<{ name: string; text: string }[]> {
  const names = await listed(glob(patterns, { cwd: ROOT }))
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(ROOT, name), 'utf8') })))
}

/** What the documents say that is not so: each as its document and its words. */
function untrue(pattern: RegExp, isTrue: (found: string, ...parts: string[]) => boolean): string[] {
  const found = documents.flatMap(({ name, text }) => [...text.matchAll(pattern)].map((match) => ({ name, match })))
  assert.ok(found.length > 0, `no document says anything like ${pattern}`)
  return found
    .filter(({ match: [all, ...parts] }) => !isTrue(all, ...parts))
    .map(({ name, match }) => `${name}: ${match[0]}`)
}

it('files are there', async () => {
  const files = new Set(
    await listed(glob(['*', '{bin,src,docs,test,bench,deploy,faults,reference,scripts,packages}/**'], { cwd: ROOT })),
  )
  const isThere = (_: string, path = '') => files.has(path.replace(/\/$/, ''))
  assert.deepEqual(
    untrue(/`((?:bin|src|docs|test|bench|deploy|faults|reference|scripts|packages)\/[\w./@-]*)`/g, isThere),
    [],
  )
})

it('npm has the scripts', () => {
  const scripts = Object.keys(packageFile.scripts)
  const isScript = (_: string, name = '') => scripts.includes(name)
  assert.deepEqual(untrue(/npm run (?:--silent )?([\w:]+)/g, isScript), [])
})

describe('commands run as they are written', () => {
  /** Words that a program could be told by, which nothing here may run by its name alone: a registry would be asked for it. */
  const ofRegistry = /\b(?:npx (?!--no-install)|npm (?:exec|x|init|create)\b|pnpm dlx|yarn dlx|bunx )|deno run npm:/
  /** What is installed by hand is an archive of ours, or what the lock file names. */
  const installed = /\bnpm (?:i|install|add) (?!-|\.\/sixpence-(?:server|client)-[\d.]+\.tgz)/
  const typescript = /\bnode (?:-\S+ )*[\w./-]+\.ts\b/
  const bare = /(?<!npm run (?:--silent )?|\/)\bsixpence (?:serve|demo|keys|move)\b/

  it('none of them leads to a program of a stranger, or needs another Node than the machine has', async () => {
    const told = [
      ...documents,
      ...(await textsOf(['docs/decisions/*.md', 'packages/*/README.md', 'deploy/{Dockerfile,*.service}'])),
      ...(await textsOf(['src/{commands,sandbox}/*.ts', 'bin/*.js'])),
    ]
    const wrong = told.flatMap(({ name, text }) =>
      text.split('\n').flatMap((line) => {
        const isImage = name.endsWith('Dockerfile')
        const patterns = [
          ofRegistry,
          installed,
          ...(isImage ? [] : [typescript]),
          ...(name.endsWith('.md') ? [bare] : []),
        ]
        return patterns.some((pattern) => pattern.test(line)) ? [`${name}: ${line}`] : []
      }),
    )
    assert.deepEqual(wrong, [])
  })

  it('whatever waits gives up with a word', () => {
    const endless = documents.flatMap(({ name, text }) =>
      blocksOf(text).flatMap((block) =>
        /\b(?:until|while) .*\bdo\b/s.test(block.text) ? [`${name}:${block.line}`] : [],
      ),
    )
    assert.deepEqual(endless, [])
  })

  it('packages have one scope and one version, and cannot be published by mistake', () => {
    const names = [packageFile, clientPackage].map(({ name, version, private: isPrivate }) => [
      name,
      version,
      isPrivate,
    ])
    const { version } = packageFile
    assert.deepEqual(names, [
      ['@sixpence/server', version, true],
      ['@sixpence/client', version, true],
    ])
    assert.deepEqual(
      untrue(/sixpence-(?:server|client)-([\d.]+)\.tgz/g, (_, named = '') => named === version),
      [],
    )
  })
})

it('each dependency has its reason, and each reason its dependency', async () => {
  const text = await readFile(join(ROOT, 'docs/dependencies.md'), 'utf8')
  const named = [...text.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(.+?)`/g)])
  const { dependencies, optionalDependencies, devDependencies } = packageFile
  const needed = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })
  assert.deepEqual(named.map(([, name = '']) => name).toSorted(), needed.toSorted())
})

it('what is installed is locked to its content, on every platform', async () => {
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'))
  const entries = Object.entries<{ integrity?: string; link?: boolean }>(packages)
  const loose = entries.filter(([path, { integrity, link }]) => path.includes('node_modules/') && !integrity && !link)
  assert.deepEqual(loose, [])
})

it('routes are served', () => {
  // Not of the protocol, so not in its document.
  const others = ['/healthz', '/readyz', '/metrics', '/sandbox/rpc']
  const isServed = (_: string, method = '', path = '') => {
    const bare = path.replace(/^\/api\/v1/, '').replace(/\.$/, '')
    return others.includes(bare) || operationAt(method, bare) !== undefined
  }
  assert.deepEqual(untrue(/\b(GET|POST|PATCH|DELETE) (\/[\w/:.-]+)/g, isServed), [])
})

it('commands take the flags', () => {
  const settings = { ...SETTINGS, ...DEMO_SETTINGS, ...MOVE_SETTINGS }
  const flags = [
    ...Object.values(settings).map(({ flag }) => flag.split(' ')[0]),
    '--name',
    '--owner',
    '--help',
    '--version',
  ]
  // Those of npm and its scripts, of Docker and of Deno.
  const others = ['--quick', '--env-file', '--allow-net', '--ignore-scripts']
  assert.deepEqual(
    untrue(/`(--[\w-]+)/g, (_, flag = '') => [...flags, ...others].includes(flag)),
    [],
  )
  // In a command, up to what is piped on or said of it.
  const commands =
    /(?:(?:sixpence|main\.ts) (?:serve|demo|keys|move)|npm run (?:--silent )?(?:sixpence|demo)|npm start)( [^`|>#\n]*)/g
  const takesAll = (_: string, rest = '') =>
    (rest.match(/(?<= )--[a-z][\w-]*/g) ?? []).every((flag) => flags.includes(flag))
  assert.deepEqual(untrue(commands, takesAll), [])
})

it('variables are read, metrics are kept, events happen', async () => {
  const variables: string[] = Object.values({ ...SETTINGS, ...DEMO_SETTINGS, ...MOVE_SETTINGS }).map(({ env }) => env)
  assert.deepEqual(
    untrue(/\bSIXPENCE_(?!URL|RPC)[A-Z_]+/g, (name) => variables.includes(name)),
    [],
  )
  const types: readonly string[] = EVENT_TYPES
  assert.deepEqual(
    untrue(/`((?:voucher|session|context)\.[a-z_]+)`(?<!\.tsx?`)/g, (_, type = '') => types.includes(type)),
    [],
  )
  const kept = (await textsOf(['src/operating/*.ts', 'src/store/postgres/**/*.{ts,sql}']))
    .map(({ text }) => text)
    .join()
  assert.deepEqual(
    untrue(/\bsixpence_[a-z_]+[a-z]/g, (name) => kept.includes(name)),
    [],
  )
})

it('configurations are taken', () => {
  const named = ({ text }: { text: string }) => /"(publicUrl|rpcUrls)"/.test(text)
  const blocks = documents.flatMap(({ name, text }) => blocksOf(text).map((block) => ({ ...block, name })))
  const configs = blocks.filter(({ language }) => language === 'json').filter(named)
  assert.ok(configs.length >= 2)
  for (const { name, line, text } of configs) {
    const whole = text.replaceAll('"0x…"', `"0x${'1'.repeat(40)}"`).replaceAll('https://…', 'https://node.example')
    const read = () => readConfig({ flags: { config: 'config.json' }, env: {}, readFile: () => whole })
    assert.equal(read().networks.length, 1, `${name}, line ${line}`)
  }
})

it('fields of the API are in its document', async () => {
  const known = new Set<string>()
  const collect = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    for (const [key, value] of Object.entries(part)) {
      if (key === 'properties') for (const name of Object.keys(value)) known.add(name)
      collect(value)
    }
  }
  collect(JSON.parse(await readFile(join(ROOT, 'src/http/reference/openapi.json'), 'utf8')))
  const blocks = documents
    .filter(({ name }) => /gasless|one-signature/.test(name))
    .flatMap(({ name, text }) => blocksOf(text).map((block) => ({ ...block, name })))
  const names = blocks.flatMap(({ name, language, text }) =>
    language === 'json' ? [...text.matchAll(/"(\w+)":/g)].map(([, field = '']) => ({ name, field })) : [],
  )
  assert.ok(names.length > 20)
  assert.deepEqual(
    names.filter(({ field }) => !known.has(field)).map(({ name, field }) => `${name}: ${field}`),
    [],
  )
})
