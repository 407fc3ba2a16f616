import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'

/** Documents show pictures at half their width: so their text is sharp, and none weighs more than it has to. */
const SCALE = 1.25

export type Camera = Awaited<ReturnType<typeof openCamera>>

/**
 * Takes pictures of pages, alike on each run: nothing moves, nothing is pointed at, one language, one time zone.
 * @param folder where the pictures go
 */
export async function openCamera(browser: Browser, folder: string) {
  await mkdir(folder, { recursive: true })
  return {
    open: (url: string, options: BrowserContextOptions) => open(browser, url, options),
    /** The whole page, however long, or one part of it. */
    take: async (what: Page | Locator, name: string) => {
      const path = join(folder, `${name}.png`)
      if ('goto' in what) await inFullView(what, async () => writeFile(path, await look(what, { isWhole: true })))
      else await inFullView(what.page(), () => what.screenshot({ path, animations: 'disabled' }))
    },
    /** What a page shows at first. */
    takeFirstView: async (page: Page, name: string) => {
      await writeFile(join(folder, `${name}.png`), await look(page, { isWhole: false }))
    },
    /** What two windows show, beside each other on a desk. */
    takeBoth: async (pages: [Page, Page], name: string) => {
      const desk = await open(browser, 'about:blank', {})
      await desk.setContent(deskOf(await Promise.all(pages.map(windowOf))))
      await desk.locator('body').screenshot({ path: join(folder, `${name}.png`) })
      await desk.context().close()
    },
  }
}

async function open(browser: Browser, url: string, options: BrowserContextOptions): Promise<Page> {
  const alike = { deviceScaleFactor: SCALE, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' } as const
  const context = await browser.newContext({ ...alike, ...options })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Makes the window as high as its page: a bar that keeps to the window's end would lie across the middle of the picture. */
async function inFullView(page: Page, take: () => Promise<unknown>): Promise<void> {
  const before = page.viewportSize()
  if (before === null) throw new Error('a page without a size has no picture')
  const height = await page.evaluate<number>(HEIGHT)
  await page.setViewportSize({ ...before, height: Math.max(before.height, height) })
  await take()
  await page.setViewportSize(before)
}

/** Of what is in the page, and of a dialog above it. */
const HEIGHT = `Math.max(
  document.documentElement.scrollHeight,
  ...[...document.querySelectorAll('dialog[open]')].map((dialog) => dialog.scrollHeight + 160),
)`

async function look(page: Page, { isWhole }: { isWhole: boolean }): Promise<Buffer> {
  await page.mouse.move(0, 0)
  return page.screenshot({ animations: 'disabled', fullPage: isWhole })
}

type Window = { address: string; width: number; picture: string }

async function windowOf(page: Page): Promise<Window> {
  const picture = await look(page, { isWhole: false })
  const { pathname } = new URL(page.url())
  return {
    address: `127.0.0.1:4040${pathname}`,
    width: page.viewportSize()?.width ?? 0,
    picture: `data:image/png;base64,${picture.toString('base64')}`,
  }
}

function deskOf(windows: Window[]): string {
  const shown = windows.map(
    ({ address, width, picture }) =>
      `<figure><figcaption><i></i><i></i><i></i>${address}</figcaption><img src="${picture}" width="${width}"></figure>`,
  )
  return `<!doctype html><style>${DESK}</style>${shown.join('')}`
}

const DESK = `
  body { display: flex; gap: 24px; inline-size: max-content; margin: 0; padding: 24px; background: #c9d6cf }
  figure { margin: 0; overflow: hidden; border-radius: 8px; background: #ebe7de; font: 14px/40px system-ui; color: #54584f }
  figcaption { display: flex; gap: 7px; align-items: center; padding: 0 14px }
  figcaption i { inline-size: 11px; block-size: 11px; border-radius: 50%; background: #b9b4a6 }
  figcaption i:nth-child(3) { margin-inline-end: 8px }
  img { display: block }
`
