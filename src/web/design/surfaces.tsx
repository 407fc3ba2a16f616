import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

type ShellProps = {
  title: string
  /** What stands at the end of the head, such as settings. */
  actions?: ComponentChildren
  children: ComponentChildren
}

/** The frame of a page: its head, its one main part, and what is said in passing. */
export function Shell({ title, actions, children }: ShellProps) {
  return (
    <div class="shell">
      <header class="shell__head">
        <div class="shell__where">
          <a class="wordmark" href="/">
            <span class="wordmark__coin" aria-hidden="true">
              6
            </span>
            <span class="wordmark__name">Sixpence</span>
          </a>
          <h1 class="shell__title">{title}</h1>
        </div>
        {actions && <div class="shell__actions">{actions}</div>}
      </header>
      <main class="shell__main">{children}</main>
      <Toasts />
    </div>
  )
}

/** A part of a page under a heading of its own. */
export function Card({ title, children }: { title: ComponentChildren; children: ComponentChildren }) {
  const id = useId()
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

type DialogProps = { title: string; open: boolean; onClose: () => void; children: ComponentChildren }

/** Something to be dealt with before the rest; Escape closes it. */
export function Dialog({ title, open, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const isShown = useRef(false)
  const id = useId()
  useEffect(() => {
    isShown.current = open
    if (open) dialog.current?.showModal()
    else dialog.current?.close()
  }, [open])
  // Browsers tell late, and tell also what the page did itself: by then it may ask the next thing.
  const tell = () => {
    if (!isShown.current || dialog.current?.open) return
    isShown.current = false
    onClose()
  }
  return (
    <dialog class="dialog" ref={dialog} aria-labelledby={id} onClose={tell}>
      {open && (
        <div class="stack">
          <h2 id={id}>{title}</h2>
          {children}
        </div>
      )}
    </dialog>
  )
}

/** How long a toast stays. */
const TOAST_MS = 6000

const toasts = signal<readonly { id: number; text: string }[]>([])
let toastsSoFar = 0

/** Says something in passing, to eyes and to screen readers. */
export function say(text: string): void {
  toastsSoFar += 1
  const id = toastsSoFar
  toasts.value = [...toasts.value, { id, text }]
  setTimeout(() => {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }, TOAST_MS)
}

function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map(({ id, text }) => (
        <p class="toast" key={id}>
          {text}
        </p>
      ))}
    </div>
  )
}
