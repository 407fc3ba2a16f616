import { type ComponentChildren, render } from 'preact'

/** Shows a page in place of what its HTML held until the script came. */
export function mount(page: ComponentChildren): void {
  const root = document.getElementById('page')
  if (root === null) throw new Error('the page has no element to be shown in')
  root.replaceChildren()
  render(page, root)
}
