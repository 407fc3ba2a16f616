import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import postcss, { type Declaration, type Node } from 'postcss'
import { type Find, isTooNew, namesTooNew } from './baseline.ts'

const FUNCTIONS = namesTooNew('css.types.')
const DYNAMIC_UNITS = 'css.types.length.viewport_percentage_units_dynamic'
const UNITS: Record<string, string> = {
  ...{ dvh: DYNAMIC_UNITS, dvw: DYNAMIC_UNITS, dvi: DYNAMIC_UNITS, dvb: DYNAMIC_UNITS },
  ...{
    svh: 'css.types.length.viewport_percentage_units_small',
    lvh: 'css.types.length.viewport_percentage_units_large',
  },
  ...{ cqi: 'css.types.length.container_query_length_units', cqw: 'css.types.length.container_query_length_units' },
  ...{ lh: 'css.types.length.lh', rlh: 'css.types.length.rlh', cap: 'css.types.length.cap' },
}

/**
 * What a style sheet uses that is too new: at-rules, selectors, properties, their values. What stands in `@supports` is for
 * browsers that have it.
 */
export function findInStyles(path: string): Find[] {
  const finds: Find[] = []
  const note = (key: string, line: number | undefined) => {
    if (isTooNew(key)) finds.push({ key, where: `${basename(path)}:${line}` })
  }
  postcss.parse(readFileSync(path, 'utf8')).walk((node) => {
    const line = node.source?.start?.line
    if (isTested(node)) return
    if (node.type === 'atrule') note(`css.at-rules.${node.name}`, line)
    if (node.type === 'rule') {
      for (const [, name] of node.selector.matchAll(/::?([a-z-]+)/g)) note(`css.selectors.${name}`, line)
      if (node.parent?.type === 'rule') note('css.selectors.nesting', line)
    }
    if (node.type === 'decl') for (const key of keysOf(node)) note(key, line)
  })
  return finds
}

function isTested({ parent }: Node): boolean {
  if (parent === undefined) return false
  return (parent.type === 'atrule' && 'name' in parent && parent.name === 'supports') || isTested(parent)
}

function keysOf({ prop, value }: Declaration): string[] {
  const functions = [...value.matchAll(/([a-z-]+)\(/g)].map(([, name = '']) => FUNCTIONS.get(name))
  const units = [...value.matchAll(/\d([a-z]+)\b/g)].map(([, unit = '']) => UNITS[unit])
  const words = value.split(/[\s,/]+/).map((word) => `css.properties.${prop}.${word}`)
  return [`css.properties.${prop}`, ...functions, ...units, ...words].filter((key) => key !== undefined)
}
