/** The local chain cannot run here. Meant for whoever started it. */
export class AnvilUnusable extends Error {
  override readonly name = 'AnvilUnusable'
}
