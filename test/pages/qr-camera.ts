import type { Page } from 'playwright-core'
import { encode } from 'uqr'

/** From the next load on, the page's camera shows a QR code, drawn as a camera may see it; browsers of tests have none. */
export async function showToCamera(page: Page, text: string): Promise<void> {
  await page.addInitScript(`(${drawCamera})(${JSON.stringify(encode(text).data)})`)
}

/** Runs in the page. It has no BarcodeDetector, so the page must bring what reads the picture. */
function drawCamera(modules: boolean[][]): void {
  // biome-ignore lint/suspicious/noExplicitAny: the tests are compiled without the types of browsers
  const { document, navigator } = globalThis as any
  Reflect.deleteProperty(globalThis, 'BarcodeDetector')
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 })
    const pen = canvas.getContext('2d')
    const draw = () => {
      pen.resetTransform()
      pen.fillStyle = '#888'
      pen.fillRect(0, 0, 640, 480)
      pen.translate(320, 240)
      pen.rotate(0.2)
      const size = 300 / (modules.length + 8)
      pen.fillStyle = '#eee'
      pen.fillRect(-150, -150, 300, 300)
      pen.fillStyle = '#222'
      pen.translate(4 * size - 150, 4 * size - 150)
      for (const [y, line] of modules.entries())
        for (const [x, isDark] of line.entries()) if (isDark) pen.fillRect(x * size, y * size, size + 0.3, size + 0.3)
    }
    draw()
    setInterval(draw, 50)
    return canvas.captureStream(20)
  }
}
