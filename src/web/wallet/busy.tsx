import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../design/controls.tsx'
import { explain } from './words.ts'

/** Work that a button starts: whether it goes on, and what went wrong with it. */
export function useWork() {
  const [isBusy, setIsBusy] = useState(false)
  const [trouble, setTrouble] = useState<string | null>(null)
  const start = async (work: () => Promise<void>) => {
    setIsBusy(true)
    setTrouble(null)
    try {
      await work()
    } catch (error) {
      setTrouble(explain(error))
    } finally {
      setIsBusy(false)
    }
  }
  return { isBusy, trouble, start: (work: () => Promise<void>) => void start(work) }
}

type WorkButtonProps = {
  work: () => Promise<void>
  kind?: 'main' | 'danger' | 'plain'
  children: ComponentChildren
}

/** A button whose work takes a while and may fail: then it says why. */
export function WorkButton({ work, kind, children }: WorkButtonProps) {
  const { isBusy, trouble, start } = useWork()
  return (
    <>
      <Button {...(kind && { kind })} disabled={isBusy} onClick={() => start(work)}>
        {children}
      </Button>
      {trouble && (
        <p class="field__error" role="alert">
          {trouble}
        </p>
      )}
    </>
  )
}
