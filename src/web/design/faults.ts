import { plainText } from '../../protocol/plain-text.ts'

/**
 * What is wrong with the page or its browser, and so neither the server's doing nor the network's: in words that name it,
 * for whoever reads them or passes them on.
 */
export function explainFault(error: unknown): string {
  if (!(error instanceof Error)) return 'Something went wrong in this page.'
  if (error instanceof UnsupportedError) return error.message
  const isOfProgram = PROGRAM_FAULTS.some((fault) => error instanceof fault)
  return plainText(isOfProgram ? `This page has failed (${error.name}: ${error.message}).` : error.message)
}

const PROGRAM_FAULTS = [TypeError, ReferenceError, RangeError, SyntaxError]

/** The browser lacks what is needed, or keeps it from this page. The message says what, and what to do. */
export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError'
}
