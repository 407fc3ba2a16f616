import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import chromiumPackage from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

/** Flags that would switch off what the tests rely on, or what would not be so in people's browsers. */
const LEFT_OUT = new Set([
  '--disable-web-security',
  '--allow-running-insecure-content',
  '--single-process',
  '--no-zygote',
])

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/sixpence-chromium')

/** How the Chromium that comes with the packages is started; it needs nothing of the system. */
export type ChromiumProgram = { executablePath: string; args: string[]; env: NodeJS.ProcessEnv }

export async function unpackChromium(): Promise<ChromiumProgram> {
  await unpackOnce()
  return {
    executablePath: join(CACHE, 'chromium'),
    args: [...chromiumPackage.args.filter((flag) => !LEFT_OUT.has(flag)), '--no-sandbox'],
    env: { ...process.env, FONTCONFIG_FILE: join(CACHE, 'fonts.conf') },
  }
}

/** Starts it, with a new profile. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch(await unpackChromium())
}

/** Unpacks where nobody looks, and then puts it in its place: test files start at the same time. */
async function unpackOnce(): Promise<void> {
  if (existsSync(CACHE)) return
  await mkdir(join(CACHE, '..'), { recursive: true })
  const unpacked = await mkdtemp(`${CACHE}-`)
  await unpackTo(unpacked)
  await writeFile(join(unpacked, 'fonts.conf'), FONTS)
  await rename(unpacked, CACHE).catch(() => rm(unpacked, { recursive: true }))
}

/** The package unpacks itself into the directory for temporary files, and nowhere else. */
async function unpackTo(folder: string): Promise<void> {
  const { TMPDIR } = process.env
  process.env.TMPDIR = folder
  try {
    await chromiumPackage.executablePath()
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  }
}

/** The font that comes along, and those of the machine. A family of the machine's may still win for some weights: then widths differ. */
const FONTS = `<?xml version="1.0"?>
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir prefix="relative">fonts</dir>
  <cachedir>${CACHE}/fonts-cache</cachedir>
  <alias><family>system-ui</family><prefer><family>Open Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`
