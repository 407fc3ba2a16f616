import type { ComponentChildren, ComponentProps } from 'preact'
import { useId } from 'preact/hooks'

type ButtonProps = Omit<ComponentProps<'button'>, 'class'> & {
  /** `main`: what is to be done next, once a view; `plain`: as a link looks. */
  kind?: 'main' | 'danger' | 'plain'
  wide?: boolean
}

export function Button({ kind, wide = false, ...rest }: ButtonProps) {
  const classes = ['button', kind && `button--${kind}`, wide && 'button--wide'].filter(Boolean).join(' ')
  return <button type="button" {...rest} class={classes} />
}

/** What ties a control to its label, its hint and its error. */
export type ControlProps = { id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true' }

type FieldProps = {
  label: string
  hint?: ComponentChildren
  /** What is wrong with what was entered, and what to do. */
  error?: string | null
  children: (control: ControlProps) => ComponentChildren
}

/** A control with its label; `children` puts the props that it is given on the control. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId()
  const described = [hint !== undefined && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label class="field__label" for={id}>
        {label}
      </label>
      {children({
        id,
        ...(described !== '' && { 'aria-describedby': described }),
        ...(error && { 'aria-invalid': 'true' }),
      })}
      {hint !== undefined && (
        <p class="field__hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="field__error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

type SearchFieldProps = Pick<FieldProps, 'label' | 'hint'> & {
  value: string
  placeholder?: string
  onSought: (sought: string) => void
}

/** Hears of each letter. */
export function SearchField({ label, hint, value, placeholder, onSought }: SearchFieldProps) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <input
          {...control}
          class="control"
          type="search"
          placeholder={placeholder}
          value={value}
          onInput={({ currentTarget }) => onSought(currentTarget.value)}
        />
      )}
    </Field>
  )
}
