import { parseArgs } from 'node:util'
import { CONCURRENCY } from './compare.ts'
import { type Deal, measureDeal } from './deal.ts'
import { type Embedded, measureEmbedded } from './embedded.ts'
import { measurePaid, type Paid } from './paid.ts'
import type { Part } from './part.ts'
import type { LoadPart } from './parts/load.ts'
import type { NothingPart } from './parts/nothing.ts'
import { Running } from './running.ts'
import { measureShared, type Shared } from './shared.ts'
import { SIZES, type Size } from './size.ts'
import { rounded } from './statistics.ts'

/** `npm run bench`: see README.md beside this file. */

const LONGEST_RUN_MS = 15 * 60_000

/** The last line. */
type Report = Embedded & Shared & Paid & { codes: Deal }

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' }, tiny: { type: 'boolean' } } })

const running = await Running.begin()
const overtime = setTimeout(() => {
  console.error(`the bench has run for ${LONGEST_RUN_MS / 60_000} minutes and gives up`)
  running.kill()
  process.exit(1)
}, LONGEST_RUN_MS)

try {
  const report = await bench(flags.tiny ? SIZES.tiny : flags.quick ? SIZES.quick : SIZES.full)
  printTable(report)
  console.log(JSON.stringify(report))
} finally {
  await running.end()
  clearTimeout(overtime)
}

async function bench(size: Size): Promise<Report> {
  const codes = measureDeal()
  const load = running.start<LoadPart>('load')
  await printCeiling(load, size)
  const embedded = await measureEmbedded(running, load, size)
  const paid = await measurePaid(running, size)
  return { ...embedded, codes, ...paid, ...(await measureShared(running, load, size)) }
}

/** A load generator that is hardly faster than the floor would hide how fast the floor is. */
async function printCeiling(load: Part<LoadPart>, size: Size): Promise<void> {
  const nothing = running.start<NothingPart>('nothing')
  const { url } = await nothing.ask('start', null)
  const caller = { token: 'none', contextCode: '000000' }
  const workload = 'reserve' as const
  const work = { urls: [url], caller, workload, count: 5 * size.counts.reserve, concurrency: CONCURRENCY }
  const { perSecond } = await load.ask('run', work)
  console.log(`The load generator makes up to ${Math.round(perSecond)} requests a second.`)
  await nothing.stop()
}

function printTable(report: Report): void {
  const { reserve, redeem, flow, negotiate, resolve } = report
  const { postgres } = report
  console.table({
    reserve,
    redeem,
    flow,
    negotiate,
    resolve,
    'reserve, PostgreSQL': postgres.reserve,
    'flow, PostgreSQL': postgres.flow,
  })
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
  console.log(`Two nodes do ${report.twoNodes.ratio} times the flow of one.`)
  console.log(
    `An event reaches a subscriber on another node in ${report.events.p50Ms} ms (p50), ${report.events.p99Ms} ms (p99).`,
  )
  console.log(`The server took ${report.peakRssMb} MB of memory at most.`)
}
