import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import ts from 'typescript'
import { type Find, isTooNew, namesOfOld, namesTooNew } from './baseline.ts'

const BUILTINS = 'javascript.builtins.'
const APIS = 'api.'

/**
 * What sources use that is too new, found by its type: whose member a name is, the compiler knows.
 * @param config of a TypeScript project
 * @param more files beside its own; all that they reach outside node_modules is looked at
 */
export function findInSources(config: string, more: string[]): Find[] {
  const { options, fileNames } = readProject(config)
  const program = ts.createProgram([...fileNames, ...more], options)
  const checker = program.getTypeChecker()
  const suspect = new Set([...namesTooNew(BUILTINS).keys(), ...namesTooNew(APIS).keys()])
  const finds: Find[] = []
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || program.isSourceFileFromExternalLibrary(file)) continue
    walk(file, (node) => {
      if (!ts.isIdentifier(node) || !suspect.has(node.text)) return
      const declarations = checker.getSymbolAtLocation(node)?.declarations ?? []
      const own = declarations.filter((one) => program.isSourceFileDefaultLibrary(one.getSourceFile()))
      const key = own.flatMap(keysOf).find(isTooNew)
      const { line } = file.getLineAndCharacterOfPosition(node.getStart(file))
      if (key !== undefined) finds.push({ key, where: `${relative('', file.fileName)}:${line + 1}` })
    })
  }
  return finds
}

/** With the newest of all libraries, so that what is too new is known as what it is. */
function readProject(config: string): ts.ParsedCommandLine {
  const read = ts.parseConfigFileTextToJson(config, readFileSync(config, 'utf8'))
  const project = ts.parseJsonConfigFileContent(read.config, ts.sys, config.slice(0, config.lastIndexOf('/')))
  project.options.lib = ['lib.esnext.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts']
  return project
}

/** `interface Array { at }`, `interface PromiseConstructor { any }`, `declare var URL: { canParse }`, `declare var Iterator`. */
function keysOf(declaration: ts.Declaration): string[] {
  const name = ts.getNameOfDeclaration(declaration)?.getText() ?? ''
  const { parent } = declaration
  if (ts.isInterfaceDeclaration(parent)) {
    const owner = parent.name.text.replace(/Constructor$/, '')
    return [APIS, BUILTINS].map((start) => `${start}${owner}.${name}`)
  }
  if (ts.isTypeLiteralNode(parent) && ts.isVariableDeclaration(parent.parent)) {
    return [`${APIS}${parent.parent.name.getText()}.${name}_static`]
  }
  if (ts.isModuleBlock(parent)) return [`${APIS}${parent.parent.name.getText()}.${name}_static`]
  return [`${APIS}${name}`, `${BUILTINS}${name}`]
}

/**
 * What a built script uses that is too new, libraries too. Nothing says of what type a value is there, so this finds static
 * members, classes, methods whose name nothing older has, and regular expressions that would be errors of syntax.
 */
export function findInBuilt(path: string): Find[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const where = basename(path).replace(/-[\w-]{8}\.js$/, '')
  const declared = new Set<string>()
  walk(file, (node) => {
    const name = 'name' in node ? (node.name as ts.Node | undefined) : undefined
    if (name !== undefined && !ts.isPropertyAccessExpression(node)) declared.add(name.getText(file))
  })
  const finds: Find[] = []
  walk(file, (node) => {
    const key = builtKey(node, declared)
    if (key !== undefined && isTooNew(key)) finds.push({ key, where })
  })
  return finds
}

function builtKey(node: ts.Node, declared: ReadonlySet<string>): string | undefined {
  if (ts.isRegularExpressionLiteral(node)) return regexpKey(node.text)
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) return globalKey(node.expression.text, declared)
  if (!ts.isPropertyAccessExpression(node)) return undefined
  const { expression: owner, name } = node
  if (ts.isIdentifier(owner) && !declared.has(owner.text)) {
    const keys = [`${BUILTINS}${owner.text}.${name.text}`, `${APIS}${owner.text}.${name.text}_static`]
    const key = keys.find(isTooNew) ?? globalKey(owner.text, declared)
    if (key !== undefined) return key
  }
  const isCalled = ts.isCallExpression(node.parent) && node.parent.expression === node
  return isCalled && !declared.has(name.text) ? METHODS.get(name.text) : undefined
}

function globalKey(name: string, declared: ReadonlySet<string>): string | undefined {
  return declared.has(name) ? undefined : [`${BUILTINS}${name}`, `${APIS}${name}`].find(isTooNew)
}

/** Methods of the language whose name says what they are: nothing that is older is called so. */
const OLD = namesOfOld()
const METHODS = new Map([...namesTooNew(BUILTINS)].filter(([name]) => !OLD.has(name)))

function regexpKey(literal: string): string | undefined {
  if (/\(\?<[=!]/.test(literal)) return 'javascript.regular_expressions.lookbehind_assertion'
  return /\/[a-u]*v[a-z]*$/.test(literal) ? 'javascript.builtins.RegExp.unicodeSets' : undefined
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}
