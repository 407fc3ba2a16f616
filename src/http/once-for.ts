/**
 * Makes something of a schema when it is first needed, and once: a start does not pay for what nobody asks, and servers of one
 * process share it.
 */
export function onceFor<Schema extends object, Made>(make: (schema: Schema) => Made): (schema: Schema) => Made {
  const made = new WeakMap<Schema, Made>()
  return (schema) => {
    const known = made.get(schema)
    if (known !== undefined) return known
    const fresh = make(schema)
    made.set(schema, fresh)
    return fresh
  }
}
