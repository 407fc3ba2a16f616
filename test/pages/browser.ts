import assert from 'node:assert/strict'
import { glob, stat } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Phones at their narrowest, and a desk. */
export const PHONE = { width: 320, height: 640 }
export const DESK = { width: 1280, height: 800 }

/** What a phone of today shows of a page, below the browser's own bars. */
export const HAND = { width: 390, height: 664 }

export type TestBrowser = {
  /**
   * Opens a page of a server, in a profile of its own or as another tab beside a page.
   * @param lacking a script that takes from the browser what another one has not
   */
  open: (url: string, options?: BrowserContextOptions & { beside?: Page; lacking?: string }) => Promise<TestPage>
  /**
   * Ends the browser, and fails if a page did what no page may do.
   * @param stopTheRest ends what the pages spoke with, in either case
   */
  close: (stopTheRest?: () => Promise<void>) => Promise<void>
}

export type TestPage = Page & {
  /** While it runs, connections that are refused are no fault. */
  duringOutage: <T>(act: () => Promise<T>) => Promise<T>
}

/**
 * Starts a real Chromium. Its pages are watched: what `watchPage` calls a fault fails `close`. Call it before anything else is
 * started: where pages are old it throws, and what runs then keeps the test from its end.
 */
export async function openBrowser(): Promise<TestBrowser> {
  await assertPagesAreNew()
  const browser = await launchChromium()
  const faults: string[] = []
  return {
    open: async (url, { beside, lacking, ...options } = {}) => {
      const context = beside?.context() ?? (await browser.newContext({ viewport: DESK, ...options }))
      const page = await context.newPage()
      page.setDefaultTimeout(15_000)
      if (lacking !== undefined) await page.addInitScript(lacking)
      const { outage } = watchPage(page, { origin: new URL(url).origin, faults })
      await page.goto(url)
      return Object.assign(page, { duringOutage: outage })
    },
    close: async (stopTheRest) => {
      try {
        await browser.close()
        assert.deepEqual(faults, [])
      } finally {
        await stopTheRest?.()
      }
    },
  }
}

type Watched = { origin: string; faults: string[] }

/**
 * Notes what no page may do: errors on the console (violations of the content security policy are such), errors that
 * nobody caught, requests to another origin, answers that say 5xx.
 */
function watchPage(page: Page, { origin, faults }: Watched) {
  let isOut = false
  page.on('console', (message) => {
    const isRefusal = message.text().startsWith('Failed to load resource: the server responded with a status of 4')
    const isOutage = isOut && message.text().includes('net::ERR_')
    if (message.type() === 'error' && !isRefusal && !isOutage) faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.stack ?? error.message}`))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`left the origin: ${request.url()}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 500) faults.push(`${response.status()} from ${response.url()}`)
  })
  const outage = async <T>(act: () => Promise<T>): Promise<T> => {
    isOut = true
    try {
      return await act()
    } finally {
      isOut = false
    }
  }
  return { outage }
}

/** Asserts that axe finds nothing wrong with the page as it is, once its colours have come to rest. */
export async function assertAccessible(page: Page, state: string): Promise<void> {
  if (!(await page.evaluate<boolean>('"axe" in globalThis'))) await page.evaluate(axe.source)
  const violations = await page.evaluate<string[]>(`(async () => {
    const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition)
    await Promise.allSettled(transitions.map(({ finished }) => finished))
    const { violations } = await axe.run(document, { resultTypes: ['violations'], preload: false })
    return violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary).join(' | '))
  })()`)
  assert.deepEqual(violations, [], state)
}

/** Asserts that nothing has to be scrolled sideways. */
export async function assertFitsWidth(page: Page, state: string): Promise<void> {
  const [needed, given] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  )
  assert.ok(needed <= given, `${state}: ${needed} px are needed, ${given} px are there`)
}

/** Asserts that something is to be seen, all of it, without scrolling. */
export async function assertInFirstView(target: Locator): Promise<void> {
  await target.waitFor()
  const page = target.page()
  await page.evaluate('scrollTo(0, 0)')
  const [box, view] = [await target.boundingBox(), page.viewportSize()]
  assert.ok(box && view)
  assert.ok(box.y >= 0 && box.y + box.height <= view.height, `${target}: ${box.y} to ${box.y + box.height}`)
}

/** Pages that are older than their sources would be tested in vain. */
async function assertPagesAreNew(): Promise<void> {
  const built = await stat(join(ROOT, 'dist/pages/index.html')).catch(() => null)
  assert.ok(built, 'the pages are not built: npm run build:pages')
  for await (const file of glob(['src/{web,client,protocol}/**/*.{ts,tsx,css,html}', 'docs/guides/*.md'], {
    cwd: ROOT,
  })) {
    const { mtimeMs } = await stat(join(ROOT, file))
    assert.ok(mtimeMs <= built.mtimeMs, `${file} is newer than the built pages: npm run build:pages`)
  }
}
