import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unpackChromium } from '../test/pages/chromium.ts'
import { installElsewhere } from './packed.ts'
import { startSandbox } from './sandbox.ts'

/**
 * Has Lighthouse look at each page as on a phone on a slow line, and fails where one is slower than it may be; what else it
 * finds is listed. Its argument is how often it looks at each page: the middle figure counts. `npm run lighthouse`
 */

const LIGHTHOUSE = 'lighthouse@13.5.0'
const PATHS = ['/', '/register', '/wallet', '/docs', '/nowhere']
const CATEGORIES = ['performance', 'accessibility', 'best-practices']
const MIN_PERFORMANCE = 95
const ROUNDS = Number(process.argv[2] ?? 3)
/** Lighthouse gives up sooner; this is for a browser that hangs. */
const LOOK_TIMEOUT_MS = 3 * 60_000

/** The part of Lighthouse's report that is read. A score is from 0 to 1. */
type Report = {
  runtimeError?: { message: string }
  categories: Record<string, { score: number | null; auditRefs: { id: string; weight: number }[] }>
  audits: Record<string, { title: string; score: number | null; displayValue?: string }>
}

const { folder } = installElsewhere(LIGHTHOUSE)
const chromium = await unpackChromium()
const sandbox = await startSandbox(join(folder, 'data'))
const relay = await startRelay(sandbox.url)
try {
  console.log(`${LIGHTHOUSE}, as on a phone, the middle of ${ROUNDS}`)
  for (const path of PATHS) tell(path, await lookAtTimes(path))
} finally {
  relay.close()
  await sandbox.stop()
}

/**
 * Hands all on as it is but for `referrer-policy: no-referrer`: with it Chromium breaks off the load of any page that
 * Lighthouse asks for (net::ERR_ABORTED), and no score depends on it.
 */
async function startRelay(upstream: string): Promise<Server> {
  const relay = createServer((incoming, outgoing) => {
    const { method, headers } = incoming
    const asked = request(new URL(incoming.url ?? '/', upstream), { method, headers }, (answer) => {
      const { 'referrer-policy': _withheld, ...kept } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, kept)
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    outgoing.on('close', () => asked.destroy())
    incoming.pipe(asked)
  })
  await once(relay.listen(0, '127.0.0.1'), 'listening')
  return relay
}

async function lookAtTimes(path: string): Promise<Report> {
  const reports: Report[] = []
  for (let round = 0; round < ROUNDS; round++) reports.push(await lookAt(path))
  const sorted = reports.toSorted((one, other) => scoreOf(one, 'performance') - scoreOf(other, 'performance'))
  const middle = sorted[Math.floor(sorted.length / 2)]
  if (middle === undefined) throw new Error('how often to look at a page is a number of 1 or more')
  return middle
}

async function lookAt(path: string): Promise<Report> {
  const { port } = relay.address() as AddressInfo
  const output = join(folder, 'report.json')
  await promisify(execFile)(
    process.execPath,
    [
      join(folder, 'node_modules/lighthouse/cli/index.js'),
      ...[`http://127.0.0.1:${port}${path}`, '--output=json', `--output-path=${output}`, '--quiet'],
      ...['--ignore-status-code', '--no-enable-error-reporting', `--only-categories=${CATEGORIES.join()}`],
      '--chrome-flags=--headless --no-sandbox --disable-gpu',
    ],
    { env: { ...chromium.env, CHROME_PATH: chromium.executablePath }, timeout: LOOK_TIMEOUT_MS },
  )
  const report: Report = JSON.parse(await readFile(output, 'utf8'))
  if (report.runtimeError !== undefined) throw new Error(`${path}: ${report.runtimeError.message}`)
  return report
}

/** Tells the scores of a page, and what each one below 100 is for. */
function tell(path: string, report: Report): void {
  const scores = CATEGORIES.map((category) => `${category} ${scoreOf(report, category)}`)
  console.log(`${path.padEnd(10)} ${scores.join(', ')}`)
  for (const category of CATEGORIES) for (const lack of lacksOf(report, category)) console.log(`  ${category}: ${lack}`)
  if (scoreOf(report, 'performance') < MIN_PERFORMANCE) process.exitCode = 1
}

/** @returns from 0 to 100 */
function scoreOf({ categories }: Report, category: string): number {
  return Math.round((categories[category]?.score ?? 0) * 100)
}

function lacksOf(report: Report, category: string): string[] {
  if (scoreOf(report, category) === 100) return []
  const counted = report.categories[category]?.auditRefs.filter(({ weight }) => weight > 0) ?? []
  return counted.flatMap(({ id }) => {
    const { title, score, displayValue } = report.audits[id] ?? { title: id, score: 0 }
    return score === null || score >= 0.9
      ? []
      : [`${title} (${id})${displayValue === undefined ? '' : ` ${displayValue}`}`]
  })
}
