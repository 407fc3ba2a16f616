import { useEffect, useRef, useState } from 'preact/hooks'
import { Button } from './controls.tsx'
import { Dialog } from './surfaces.tsx'

type Detector = { detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]> }
type DetectorClass = {
  new (options: { formats: ['qr_code'] }): Detector
  getSupportedFormats: () => Promise<readonly string[]>
}

declare global {
  interface Window {
    /** Not in every browser, and not in TypeScript's list of what is. */
    BarcodeDetector?: DetectorClass
  }
}

/** How long the page does nothing else between two looks at the picture. */
const LOOK_MS = 200

type ScanProps = {
  title: string
  open: boolean
  onClose: () => void
  /** @returns null where the text was taken, or why it is not what is looked for: scanning goes on */
  onText: (text: string) => string | null
  /** What to do instead of scanning. */
  instead: string
}

/** Looks through the camera for a QR code. */
export function ScanDialog({ title, open, onClose, onText, instead }: ScanProps) {
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <Viewfinder onText={onText} />
      <Button onClick={onClose}>{instead}</Button>
    </Dialog>
  )
}

function Viewfinder({ onText }: Pick<ScanProps, 'onText'>) {
  const video = useRef<HTMLVideoElement>(null)
  const [trouble, setTrouble] = useState('')
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    const ending = new AbortController()
    const take = (text: string) => {
      const why = onText(text)
      setTrouble(why ?? '')
      return why === null
    }
    scan(video.current, take, ending.signal).catch((error) => {
      setOver(true)
      setTrouble(explain(error))
    })
    return () => ending.abort()
  }, [])
  return (
    <>
      {!isOver && <video class="viewfinder" ref={video} muted playsInline aria-label="What the camera sees" />}
      {trouble !== '' && <p role="alert">{trouble}</p>}
    </>
  )
}

/** Shows `take` each text that is seen, until it takes one or the signal ends the looking. */
async function scan(
  video: HTMLVideoElement | null,
  take: (text: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  if (video === null) return
  const stream = await openCamera()
  try {
    const detector = new (await findDetector())({ formats: ['qr_code'] })
    if (signal.aborted) return
    video.srcObject = stream
    await video.play()
    while (!signal.aborted) {
      for (const { rawValue } of await detector.detect(video)) if (!signal.aborted && take(rawValue)) return
      await new Promise((wake) => setTimeout(wake, LOOK_MS))
    }
  } catch (error) {
    // A picture that was taken away while it was looked at is no fault.
    if (!signal.aborted) throw error
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}

async function openCamera(): Promise<MediaStream> {
  if (!isSecureContext) throw new ScanError('This page came over plain http, so the browser gives it no camera.')
  if (!('mediaDevices' in navigator)) throw new ScanError('This browser has no camera for pages (mediaDevices).')
  const video = { facingMode: 'environment', width: { ideal: 1280 } }
  return navigator.mediaDevices.getUserMedia({ video }).catch((error) => {
    throw new ScanError(REFUSALS.get(error instanceof Error ? error.name : '') ?? 'The camera cannot be used.')
  })
}

const REFUSALS = new Map([
  ['NotAllowedError', 'This page may not use the camera. Allow it in the settings of the browser.'],
  ['NotFoundError', 'No camera was found.'],
  ['NotReadableError', 'Another program uses the camera.'],
])

/** The browser's own, or one that is loaded now. */
async function findDetector(): Promise<DetectorClass> {
  const own = window.BarcodeDetector
  if (own !== undefined && (await own.getSupportedFormats()).includes('qr_code')) return own
  const { BarcodeDetector } = await import('qr/decode.js').catch(() => {
    throw new ScanError('The program that reads QR codes could not be loaded. Check the connection.')
  })
  return BarcodeDetector
}

/** The camera cannot be used, in words for whoever holds it. */
class ScanError extends Error {
  override readonly name = 'ScanError'
}

function explain(error: unknown): string {
  if (error instanceof ScanError) return error.message
  return `Scanning has failed: ${error instanceof Error ? error.message : error}`
}
