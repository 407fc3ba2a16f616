import assert from 'node:assert/strict'
import { openBrowser, type TestPage } from '../pages/browser.ts'

/** The steps of the numbered list under a heading, a line each. */
export function stepsIn(markdown: string, heading: string): string[] {
  const [, section = ''] = markdown.split(`\n## ${heading}\n`)
  const [list = ''] = /^1\. .*?\n\n/ms.exec(section) ?? []
  return list
    .trim()
    .split(/\n(?=\d+\. )/)
    .map((step) => step.replaceAll(/\s+/g, ' '))
}

/** What a step may say; what is bold and neither pressed nor typed into is to be read on the screen. */
const SAYINGS = new RegExp(
  [
    /<http:\/\/127\.0\.0\.1:4040(?<path>\/[^>]+)>/,
    /In the (?<window>wallet|register)/,
    /(?:`(?<typed>[^`]+)`|(?<code>the code that the wallet shows)) into \*\*(?<field>[^*]+)\*\*/,
    /[Pp]ress \*\*(?<button>[^*]+)\*\*/,
    /\*\*(?<read>[^*]+)\*\*/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)

/** Does in two windows what the steps say, and nothing else. */
export async function walkThrough(steps: string[], url: string): Promise<void> {
  const browser = await openBrowser()
  const windows = new Map<string, TestPage>()
  const windowOf = (name: string) => {
    const page = windows.get(name)
    assert.ok(page, `no step has opened the window of ${name || 'nobody'}`)
    return page
  }
  let at = ''
  try {
    for (const { groups = {} } of steps.flatMap((step) => [...step.matchAll(SAYINGS)])) {
      const { path, window = at, typed, field, button, read } = groups
      at = window
      if (path) windows.set(path.slice(1), await browser.open(url + path))
      if (field)
        await windowOf(at)
          .getByLabel(field, { exact: true })
          .fill(typed ?? (await codeIn(windowOf('wallet'))))
      if (button) await windowOf(at).getByRole('button', { name: button, exact: true }).click()
      if (read) await windowOf(at).getByText(read).first().waitFor()
    }
  } finally {
    await browser.close()
  }
  assert.equal(at, 'register', 'the register has the last word')
}

async function codeIn(wallet: TestPage): Promise<string> {
  const said = await wallet.getByRole('img', { name: /^Your code: / }).getAttribute('aria-label')
  return (said ?? '').slice('Your code: '.length)
}
