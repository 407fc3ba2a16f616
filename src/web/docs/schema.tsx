import { useState } from 'preact/hooks'
import type { Reference, Schema } from './openapi.ts'
import { Prose } from './prose.tsx'

type Resolve = Reference['resolve']

/** The fields of a schema, one below the other; what lies within them opens. */
export function Fields({ schema, resolve }: { schema: Schema; resolve: Resolve }) {
  const whole = resolve(schema).schema
  if (whole.anyOf && !whole.properties) return <Choices choices={whole.anyOf} resolve={resolve} />
  if (whole.items && !whole.properties) return <Fields schema={whole.items} resolve={resolve} />
  const { properties = {}, required = [] } = whole
  return (
    <dl class="fields">
      {Object.entries(properties).map(([name, field]) => (
        <Field key={name} {...{ name, schema: field, isRequired: required.includes(name), resolve }} />
      ))}
    </dl>
  )
}

function Choices({ choices, resolve }: { choices: Schema[]; resolve: Resolve }) {
  return (
    <ol class="stack">
      {choices.map((choice, index) => (
        <li key={String(index)}>
          <p class="small muted">{index === 0 ? 'Either' : 'Or'}</p>
          <Fields schema={choice} resolve={resolve} />
        </li>
      ))}
    </ol>
  )
}

type FieldProps = { name: string; schema: Schema; isRequired: boolean; resolve: Resolve }

export function Field({ name, schema, isRequired, resolve }: FieldProps) {
  const { description } = { ...resolve(schema).schema, ...schema }
  const limits = limitsOf(schema)
  return (
    <div class="field-line">
      <dt>
        <code>{name}</code> <span class="small muted">{typeOf(schema, resolve)}</span>
        {isRequired && <span class="small"> required</span>}
      </dt>
      {description && (
        <dd>
          <Prose text={description} />
        </dd>
      )}
      {limits !== '' && <dd class="small muted">{limits}</dd>}
      {hasFields(schema, resolve) && (
        <dd>
          <Within name={name} schema={schema} resolve={resolve} />
        </dd>
      )}
    </div>
  )
}

/** Shown when it is opened: schemas may lie in each other without an end. */
function Within({ name, schema, resolve }: Omit<FieldProps, 'isRequired'>) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="within" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        Fields of <code>{name}</code>
      </summary>
      {isOpen && <Fields schema={schema} resolve={resolve} />}
    </details>
  )
}

function hasFields(given: Schema, resolve: Resolve): boolean {
  const { properties, items, anyOf } = resolve(given).schema
  if (properties) return Object.keys(properties).length > 0
  return items ? hasFields(items, resolve) : (anyOf?.some((choice) => hasFields(choice, resolve)) ?? false)
}

/** In a few words. */
export function typeOf(given: Schema, resolve: Resolve): string {
  const { name, schema } = resolve(given)
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.anyOf) return schema.anyOf.map((choice) => typeOf(choice, resolve)).join(' | ')
  if (schema.items) return `${typeOf(schema.items, resolve)}[]`
  return name ?? [schema.type ?? 'anything'].flat().join(' | ')
}

function limitsOf({ minLength, maxLength, minimum, maximum, minItems, maxItems, pattern, examples }: Schema): string {
  const said = [
    range(minLength, maxLength, 'characters'),
    range(minimum, maximum, ''),
    range(minItems, maxItems, 'items'),
    pattern && `pattern ${pattern}`,
    examples && `for example ${examples.map((example) => JSON.stringify(example)).join(', ')}`,
  ]
  return said.filter(Boolean).join('; ')
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return ''
  if (least === most) return `${most} ${unit}`.trim()
  if (most === undefined) return `${least} ${unit} or more`.replace('  ', ' ')
  return `${least ?? 0} to ${most} ${unit}`.trim()
}
