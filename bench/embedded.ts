import { type Comparison, compare, WORKLOADS, type Workload, warmUp } from './compare.ts'
import { type Growth, measureGrowth } from './growth.ts'
import type { Part } from './part.ts'
import type { FillPart } from './parts/fill.ts'
import type { FloorPart } from './parts/floor.ts'
import type { LoadPart } from './parts/load.ts'
import type { SubjectPart } from './parts/subject.ts'
import { type Running, SERVER_FLAGS } from './running.ts'
import type { Size } from './size.ts'

/** One server with the embedded store: beside the floor, and as its store grows. */
export type Embedded = Record<Workload, Comparison> & { growth: Growth; peakRssMb: number }

export async function measureEmbedded(running: Running, load: Part<LoadPart>, size: Size): Promise<Embedded> {
  const filling = fill(running, 'large', size.rows.large)
  await fill(running, 'small', size.rows.small)
  await filling
  const compared = await besideTheFloor(running, load, size)
  const grown = await asItGrows(running, load, size)
  const peakRssMb = Math.round(Math.max(...compared.peaks, ...grown.peaks))
  return { ...compared.comparisons, growth: grown.growth, peakRssMb }
}

async function besideTheFloor(running: Running, load: Part<LoadPart>, size: Size) {
  const subject = running.start<SubjectPart>('subject', SERVER_FLAGS)
  const floor = running.start<FloorPart>('floor')
  const { url, caller } = await startSubject(running, subject, 'subject')
  const { url: floorUrl } = await floor.ask('start', { dataDir: running.directory('floor'), databaseUrl: null })
  const targets = { subject: { urls: [url], caller }, floor: { urls: [floorUrl], caller } }
  await warmUp(load, targets, size, WORKLOADS)
  const comparisons = await compare(load, targets, size, WORKLOADS)
  const peaks = [await subject.ask('peakRssMb', undefined)]
  await Promise.all([subject.stop(), floor.stop()])
  return { comparisons, peaks }
}

async function asItGrows(running: Running, load: Part<LoadPart>, size: Size) {
  const small = running.start<SubjectPart>('subject', SERVER_FLAGS)
  const large = running.start<SubjectPart>('subject', SERVER_FLAGS)
  const onSmall = await startSubject(running, small, 'small')
  const onLarge = await startSubject(running, large, 'large')
  const targets = {
    small: { urls: [onSmall.url], caller: onSmall.caller },
    large: { urls: [onLarge.url], caller: onLarge.caller },
  }
  await warmUp(load, targets, size, WORKLOADS)
  const growth = await measureGrowth(load, targets, size.growth)
  const peaks = [await small.ask('peakRssMb', undefined), await large.ask('peakRssMb', undefined)]
  await Promise.all([small.stop(), large.stop()])
  return { growth, peaks }
}

function startSubject(running: Running, subject: Part<SubjectPart>, directory: string) {
  return subject.ask('start', {
    dataDir: running.directory(directory),
    databaseUrl: null,
    rpcUrl: running.rpcUrl,
  })
}

async function fill(running: Running, name: string, rows: number): Promise<void> {
  const filler = running.start<FillPart>('fill')
  await filler.ask('fill', { dataDir: running.directory(name), rows })
  await filler.stop()
}
