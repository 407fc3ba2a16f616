import { CHECKS } from './check/checks.ts'
import { Missing } from './check/nginx.ts'
import { openSite, type Site } from './check/site.ts'
import { readUnits } from './check/units.ts'

/**
 * `npm run deploy:check`: two nodes on one PostgreSQL behind the nginx of this machine, with the configuration of this
 * directory, and real calls through all of it. Ends with 0 where every check holds.
 */

const LONGEST_RUN_MS = 5 * 60_000

setTimeout(() => {
  console.error(`the check has run for ${LONGEST_RUN_MS / 60_000} minutes and gives up`)
  process.exit(1)
}, LONGEST_RUN_MS).unref()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  let site: Site
  try {
    site = await openSite()
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    console.error(error.message)
    return false
  }
  try {
    const unitsAreRight = await checkUnits()
    return (await runChecks(site)) && unitsAreRight
  } finally {
    await site.close()
  }
}

async function checkUnits(): Promise<boolean> {
  const faults = await readUnits()
  if (faults === null) console.log('        the units are not checked: there is no systemd here')
  else console.log(faults === '' ? 'ok      systemd takes the units' : `failed  systemd takes the units\n${faults}`)
  return !faults
}

async function runChecks(site: Site): Promise<boolean> {
  let failed = 0
  for (const { name, run } of CHECKS) {
    try {
      await run(site)
      console.log(`ok      ${name}`)
    } catch (error) {
      failed += 1
      console.log(`failed  ${name}`)
      console.error(error)
    }
  }
  if (failed > 0) console.error(await site.nginx.errors())
  console.log(
    failed === 0 ? `All ${CHECKS.length} checks of calls hold.` : `${failed} of ${CHECKS.length} checks failed.`,
  )
  return failed === 0
}
