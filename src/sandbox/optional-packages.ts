import { existsSync } from 'node:fs'
import { AnvilUnusable } from './anvil-unusable.ts'

/** What the sandbox alone needs, so that an installation may leave it out. */
const PACKAGES = {
  '@foundry-rs/anvil': '@foundry-rs/anvil/package.json',
  '@uniswap/v3-core': '@uniswap/v3-core/package.json',
  '@uniswap/v3-periphery': '@uniswap/v3-periphery/package.json',
  'canonical-weth': 'canonical-weth/build/contracts/WETH9.json',
} as const

export type SandboxPackage = keyof typeof PACKAGES

/** @throws AnvilUnusable that names each package that is not installed, and how to install it */
export function assertSandboxInstalled(): void {
  const names = Object.keys(PACKAGES) as SandboxPackage[]
  const missing = names.filter((name) => !isInstalled(name))
  if (missing.length === 0) return
  throw new AnvilUnusable(
    `The sandbox needs packages that are not installed (${missing.join(', ')}). Install them with: npm install --include=optional`,
  )
}

/** The URL of a file of the package: its package.json, or what it is wanted for. */
export function fileOf(name: SandboxPackage): string {
  return import.meta.resolve(PACKAGES[name])
}

function isInstalled(name: SandboxPackage): boolean {
  try {
    return existsSync(new URL(fileOf(name)))
  } catch {
    return false
  }
}
