import { useEffect, useState } from 'preact/hooks'

/** Whether a time has come, by this page's clock; renders again when it comes. */
export function useIsPast(timeMs: number): boolean {
  const [isPast, setIsPast] = useState(Date.now() >= timeMs)
  useEffect(() => {
    setIsPast(Date.now() >= timeMs)
    const timer = setTimeout(() => setIsPast(true), Math.max(0, timeMs - Date.now()))
    return () => clearTimeout(timer)
  }, [timeMs])
  return isPast
}
