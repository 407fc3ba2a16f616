import { useEffect, useRef, useState } from 'preact/hooks'
import { foldCode } from '../../protocol/codes.ts'
import { Button } from '../design/controls.tsx'
import { Dialog } from '../design/surfaces.tsx'

type Detector = { detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]> }

declare global {
  interface Window {
    /** Not in every browser, and not in TypeScript's list of what is. */
    BarcodeDetector?: new (options: {
      formats: string[]
    }) => Detector
  }
}

export const canScan = window.BarcodeDetector !== undefined && navigator.mediaDevices !== undefined

const LOOK_MS = 200

type ScanProps = { open: boolean; onClose: () => void; onCode: (code: string) => void }

/** Looks through the camera for the QR code of a wallet. */
export function ScanDialog({ open, onClose, onCode }: ScanProps) {
  return (
    <Dialog title="Scan the payer’s code" open={open} onClose={onClose}>
      <Viewfinder onCode={onCode} />
      <Button onClick={onClose}>Type it instead</Button>
    </Dialog>
  )
}

function Viewfinder({ onCode }: Pick<ScanProps, 'onCode'>) {
  const video = useRef<HTMLVideoElement>(null)
  const [trouble, setTrouble] = useState('')
  useEffect(() => {
    const ending = new AbortController()
    scan(video.current, ending.signal)
      .then((code) => code !== null && onCode(code))
      .catch(() => setTrouble('The camera cannot be used. Type the code instead.'))
    return () => ending.abort()
  }, [])
  if (trouble !== '') return <p role="alert">{trouble}</p>
  return <video class="viewfinder" ref={video} muted playsInline aria-label="What the camera sees" />
}

/** @returns the first code that is seen, or null when the signal ended it */
async function scan(video: HTMLVideoElement | null, signal: AbortSignal): Promise<string | null> {
  if (video === null || window.BarcodeDetector === undefined) return null
  const detector = new window.BarcodeDetector({ formats: ['qr_code'] })
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  try {
    video.srcObject = stream
    await video.play()
    while (!signal.aborted) {
      for (const { rawValue } of await detector.detect(video)) {
        const code = codeIn(rawValue)
        if (code !== null) return code
      }
      await new Promise((wake) => setTimeout(wake, LOOK_MS))
    }
    return null
  } finally {
    for (const track of stream.getTracks()) track.stop()
  }
}

/** A QR code holds the six characters, or an address that ends with them after a #. */
function codeIn(text: string): string | null {
  return foldCode(text.slice(text.lastIndexOf('#') + 1))
}
