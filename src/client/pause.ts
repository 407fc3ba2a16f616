const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 8000

/**
 * How long to wait before trying again: twice as long after each failure, and not as long as everybody else waits.
 * @param failures 0 after the first one
 */
export function backoffMs(failures: number): number {
  const fullMs = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS)
  return fullMs * (0.5 + Math.random() / 2)
}

/** @throws the signal's reason, as soon as it is aborted */
export async function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
  signal?.throwIfAborted()
}

/**
 * Waits for what goes on for others too: an abort ends the waiting alone.
 * @throws the signal's reason, as soon as it is aborted
 */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  signal.throwIfAborted()
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/**
 * Lets a signal abort a controller too, in runtimes without `AbortSignal.any`.
 * @returns what ends that: a caller's signal may outlive what it aborts by far
 */
export function abortBy(controller: AbortController, signal: AbortSignal | undefined): () => void {
  const abort = () => controller.abort(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  return () => signal?.removeEventListener('abort', abort)
}
