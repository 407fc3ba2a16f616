import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CONCURRENCY, type Comparison, compare, type Target, type Workload } from './compare.ts'
import { type Deal, measureDeal } from './deal.ts'
import { type Growth, measureGrowth } from './growth.ts'
import { startNodeStub } from './network.ts'
import { type Handlers, type Part, startPart } from './part.ts'
import type { FillPart } from './parts/fill.ts'
import type { FloorPart } from './parts/floor.ts'
import type { LoadPart } from './parts/load.ts'
import type { NothingPart } from './parts/nothing.ts'
import type { SubjectPart } from './parts/subject.ts'
import { rounded } from './statistics.ts'

/** `npm run bench`: see README.md beside this file. */

type Size = {
  rounds: number
  counts: Record<Workload, number>
  growth: { rounds: number; count: number }
  /** Vouchers in the large store, and in the small one. */
  rows: { large: number; small: number }
}

const FULL: Size = {
  rounds: 7,
  counts: { reserve: 20_000, redeem: 20_000, flow: 8_000 },
  growth: { rounds: 9, count: 15_000 },
  rows: { large: 1_000_000, small: 1_000 },
}
const QUICK: Size = {
  ...FULL,
  rounds: 3,
  counts: { reserve: 5_000, redeem: 5_000, flow: 2_000 },
  growth: { rounds: 3, count: 5_000 },
}
/** For the test of the bench itself: its figures mean nothing. */
const TINY: Size = {
  rounds: 1,
  counts: { reserve: 200, redeem: 200, flow: 100 },
  growth: { rounds: 1, count: 200 },
  rows: { large: 2_000, small: 200 },
}

/** What `npm start` tells Node about memory. */
const SERVER_FLAGS = startFlags()

const LONGEST_RUN_MS = 15 * 60_000

/** The last line. */
type Report = Record<Workload, Comparison> & { growth: Growth; codes: Deal; peakRssMb: number }

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' }, tiny: { type: 'boolean' } } })

const parts: Part<Handlers>[] = []
const overtime = setTimeout(() => {
  console.error(`the bench has run for ${LONGEST_RUN_MS / 60_000} minutes and gives up`)
  for (const part of parts) part.kill()
  process.exit(1)
}, LONGEST_RUN_MS)

const workDir = await mkdtemp(join(tmpdir(), 'sixpence-bench-'))
const node = await startNodeStub()
try {
  const report = await bench(flags.tiny ? TINY : flags.quick ? QUICK : FULL)
  printTable(report)
  console.log(JSON.stringify(report))
} finally {
  await Promise.all(parts.map((part) => part.stop()))
  node.stop()
  await rm(workDir, { recursive: true, force: true })
  clearTimeout(overtime)
}

async function bench(size: Size): Promise<Report> {
  const codes = measureDeal()
  const load = start<LoadPart>('load')
  await printCeiling(load, size)

  const filling = fill('large', size.rows.large)
  await fill('small', size.rows.small)
  await filling

  const subject = start<SubjectPart>('subject', SERVER_FLAGS)
  const floor = start<FloorPart>('floor')
  const subjectTarget = await subject.ask('start', { dataDir: join(workDir, 'subject'), rpcUrl: node.url })
  const floorTarget = { ...subjectTarget, ...(await floor.ask('start', { dataDir: join(workDir, 'floor') })) }
  const targets = { subject: subjectTarget, floor: floorTarget }
  await warmUp(load, [subjectTarget, floorTarget], size)
  const comparisons = await compare(load, targets, size)
  const peaks = [await subject.ask('peakRssMb', undefined)]
  await Promise.all([subject.stop(), floor.stop()])

  const small = start<SubjectPart>('subject', SERVER_FLAGS)
  const large = start<SubjectPart>('subject', SERVER_FLAGS)
  const grown = {
    small: await small.ask('start', { dataDir: join(workDir, 'small'), rpcUrl: node.url }),
    large: await large.ask('start', { dataDir: join(workDir, 'large'), rpcUrl: node.url }),
  }
  await warmUp(load, [grown.small, grown.large], size)
  const growth = await measureGrowth(load, grown, size.growth)
  peaks.push(await small.ask('peakRssMb', undefined), await large.ask('peakRssMb', undefined))
  return { ...comparisons, growth, codes, peakRssMb: Math.round(Math.max(...peaks)) }
}

function start<H extends Handlers>(name: string, execArgv: string[] = []): Part<H> {
  const part = startPart<H>(name, execArgv)
  parts.push(part)
  return part
}

function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return String(scripts.start).match(/--max-\S+/g) ?? []
}

async function fill(name: string, rows: number): Promise<void> {
  const filler = start<FillPart>('fill')
  await filler.ask('fill', { dataDir: join(workDir, name), rows })
  await filler.stop()
}

/** Both get the same, so that neither is measured while its code is still being compiled. */
async function warmUp(load: Part<LoadPart>, targets: Target[], { counts }: Size): Promise<void> {
  for (const target of targets) {
    for (const workload of ['reserve', 'redeem', 'flow'] as const) {
      await load.ask('run', { ...target, workload, count: counts[workload] / 2, concurrency: CONCURRENCY })
    }
  }
}

/** A load generator that is hardly faster than the floor would hide how fast the floor is. */
async function printCeiling(load: Part<LoadPart>, size: Size): Promise<void> {
  const nothing = start<NothingPart>('nothing')
  const { url } = await nothing.ask('start', null)
  const caller = { token: 'none', contextCode: '000000' }
  const work = { url, caller, workload: 'reserve', count: 5 * size.counts.reserve, concurrency: CONCURRENCY } as const
  const { perSecond } = await load.ask('run', work)
  console.log(`The load generator makes up to ${Math.round(perSecond)} requests a second.`)
  await nothing.stop()
}

function printTable(report: Report): void {
  const { reserve, redeem, flow } = report
  console.table({ reserve, redeem, flow })
  console.table({
    'a reservation, 1k → 1M vouchers stored (µs)': {
      from: report.growth.rows1k,
      to: report.growth.rows1m,
      ratio: report.growth.ratio,
    },
    'a deal, no code → 999 000 in use (ns)': {
      from: report.codes.empty,
      to: report.codes.nearlyFull,
      ratio: rounded(report.codes.ratio),
    },
  })
  console.log(`The server took ${report.peakRssMb} MB of memory at most.`)
}
