import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Mark } from './mark.tsx'

export type Tone = 'idle' | 'wait' | 'good' | 'bad'

/** How something stands, as a word with a mark. */
export function StatusBadge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge badge--${tone}`}>
      <Mark of={tone} />
      {children}
    </span>
  )
}

/** More steps than this are drawn as this many. */
const MOST_STEPS = 24

type ProgressProps = {
  label: string
  done: number
  /** How many there are to be; null where nobody can say. */
  of: number | null
}

/** How far something has come, such as confirmations. */
export function Progress({ label, done, of }: ProgressProps) {
  const text = of === null ? `${done} so far` : `${Math.min(done, of)} of ${of}`
  const steps = Math.min(of ?? MOST_STEPS, MOST_STEPS)
  const full = of === null ? Math.min(done, steps - 1) : Math.floor((Math.min(done, of) / of) * steps)
  return (
    <div class="progress">
      <div class="row row--apart small">
        <span>{label}</span>
        <span class="countdown">{text}</span>
      </div>
      <div
        class="progress__track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuenow={done}
        aria-valuemax={of ?? undefined}
        aria-valuetext={text}
      >
        {Array.from({ length: steps }, (_, step) => (
          <span key={step} class={step < full ? 'progress__step progress__step--done' : 'progress__step'} />
        ))}
      </div>
    </div>
  )
}

const SECOND_MS = 1000
const SOON_S = 60

type CountdownProps = {
  untilMs: number
  /** The clock that `untilMs` is of; otherwise this computer's. */
  nowMs?: () => number
}

/** How much time is left, to the second. It tells the time, not the state: that comes from the server. */
export function Countdown({ untilMs, nowMs = Date.now }: CountdownProps) {
  const left = () => Math.max(0, Math.ceil((untilMs - nowMs()) / SECOND_MS))
  const [leftS, setLeftS] = useState(left)
  useEffect(() => {
    setLeftS(left())
    const ticking = setInterval(() => setLeftS(left()), SECOND_MS)
    return () => clearInterval(ticking)
  }, [untilMs, nowMs])
  const seconds = String(leftS % 60).padStart(2, '0')
  return (
    <span class={leftS < SOON_S ? 'countdown countdown--soon' : 'countdown'} role="timer">
      {Math.floor(leftS / 60)}:{seconds}
    </span>
  )
}
