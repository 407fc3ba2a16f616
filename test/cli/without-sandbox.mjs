import { registerHooks } from 'node:module'

/** Has a program run as where the packages that only the sandbox needs were left out. */
const LEFT_OUT = /^(@foundry-rs\/anvil|@uniswap\/v3-|canonical-weth)/

registerHooks({
  resolve: (specifier, context, next) => {
    if (LEFT_OUT.test(specifier)) throw new Error(`Cannot find package ${specifier}`)
    return next(specifier, context)
  },
})
