import type { FieldError } from './problems.ts'

/** What a schema finds wrong at one place. */
export type SchemaFault = { keyword?: string; instancePath: string; message?: string; params?: object }

/**
 * Turns what a schema found into one error for each wrong field.
 * @param root the pointer under which the checked value stands, such as `/data`
 */
export function fieldErrorsOf(faults: readonly SchemaFault[], root = ''): FieldError[] {
  const byPath = Map.groupBy(faults.flatMap(missingProperties), ({ instancePath }) => instancePath)
  return [...byPath].map(([path, here]) => ({ path: `${root}${path}`, message: describe(here) }))
}

/** Schemas report missing properties at the object that lacks them; callers want each property named. */
function missingProperties(fault: SchemaFault): SchemaFault[] {
  const { instancePath, params } = fault
  if (!params || !('requiredProperties' in params) || !Array.isArray(params.requiredProperties)) return [fault]
  return params.requiredProperties.map((name) => ({ instancePath: `${instancePath}/${name}`, message: 'is required' }))
}

/** Where a union fails, each of its branches reports why: any of them would do. */
function describe(faults: SchemaFault[]): string {
  const isUnion = faults.some(({ keyword }) => keyword === 'anyOf')
  const messages = faults.filter(({ keyword }) => keyword !== 'anyOf').map(messageOf)
  return [...new Set(messages)].join(isUnion ? ' or ' : ' and ') || 'is not as it should be'
}

function messageOf({ message = 'is not as it should be', params }: SchemaFault): string {
  return params && 'allowedValue' in params ? `must be ${JSON.stringify(params.allowedValue)}` : message
}
