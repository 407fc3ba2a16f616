import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** The shipped units, and a name that systemd would give to an instance of each. */
const UNITS = { 'sixpence.service': 'sixpence.service', 'sixpence@.service': 'sixpence@4041.service' }

/**
 * Has systemd read the units, as if the program were installed here.
 * @returns what it finds wrong; null where this machine has no systemd
 */
export async function readUnits(): Promise<string | null> {
  const home = await mkdtemp(join(tmpdir(), 'sixpence-units-'))
  try {
    const files: string[] = []
    for (const [shipped, instance] of Object.entries(UNITS)) {
      const unit = await readFile(new URL(`../${shipped}`, import.meta.url), 'utf8')
      if (!unit.includes('=/opt/sixpence/')) throw new Error(`deploy/${shipped} should say where the program is`)
      files.push(join(home, instance))
      await writeFile(join(home, instance), unit.replaceAll('=/opt/sixpence', `=${ROOT}`))
    }
    const { stdout, stderr } = await promisify(execFile)('systemd-analyze', ['verify', ...files])
    return (stdout + stderr).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  } finally {
    await rm(home, { recursive: true })
  }
}
