import { encode } from 'uqr'
import { CODE_LENGTH } from '../../protocol/codes.ts'
import type { ControlProps } from './controls.tsx'

type CodeInputProps = {
  value: string
  onChange: (code: string) => void
  /** All six characters are there. */
  onComplete?: (code: string) => void
  control?: ControlProps
  name?: string
  disabled?: boolean
}

/** Where a code is typed or pasted: case is folded, O is read as 0, I and L as 1, and what parts a code is left out. */
export function CodeInput({ value, onChange, onComplete, control, name, disabled = false }: CodeInputProps) {
  const enter = (input: HTMLInputElement) => {
    const code = foldTyped(input.value)
    // What was typed may fold to what is there: then nothing is rendered again.
    input.value = code
    if (code === value) return
    onChange(code)
    if (code.length === CODE_LENGTH) onComplete?.(code)
  }
  return (
    <div class="code-input__box">
      <input
        {...control}
        class="code-input"
        name={name}
        value={value}
        disabled={disabled}
        onInput={(event) => enter(event.currentTarget)}
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        enterkeyhint="done"
      />
    </div>
  )
}

/** Folds what there is of a code so far: at most six capitals and digits. */
export function foldTyped(typed: string): string {
  const folded = typed
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1')
  return folded.slice(0, CODE_LENGTH)
}

type CodeDisplayProps = {
  code: string
  /** Whose code it is, for those who hear it. */
  label: string
  small?: boolean
}

/** A code to be read out or compared, in the flags of an old till. */
export function CodeDisplay({ code, label, small = false }: CodeDisplayProps) {
  return (
    <span class={small ? 'code code--small' : 'code'} role="img" aria-label={`${label}: ${[...code].join(' ')}`}>
      {[...code].map((character, place) => (
        <span class="code__flag" key={place} aria-hidden="true">
          {character}
        </span>
      ))}
    </span>
  )
}

/** A QR code, dark on white in every scheme, as scanners want it. */
export function Qr({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 4 })
  const path = data.flatMap((line, y) => line.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path d={path} fill="currentColor" />
    </svg>
  )
}
