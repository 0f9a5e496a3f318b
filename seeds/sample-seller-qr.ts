import { toString as render } from 'qrcode'
import { badInput } from './sample-seller-refusal.js'

/** `size` in pixels; a higher `errorCorrection` survives more damage and holds less text. */
export type QrOrder = { text: string; size: number; errorCorrection: 'L' | 'M' | 'Q' | 'H' }

const DEFAULT_SIZE_PX = 256
const LEAST_SIZE_PX = 64
const MOST_SIZE_PX = 2048
/** Bytes that the largest symbol (version 40) holds. */
const CAPACITY_BYTES = { L: 2953, M: 2331, Q: 1663, H: 1273 }

/** Checks the members `size` and `error_correction` of a request and fills in their defaults. */
export function qrOrder(text: string, size: unknown, errorCorrection: unknown): QrOrder {
  const pixels = size ?? DEFAULT_SIZE_PX
  if (
    typeof pixels !== 'number' ||
    !Number.isInteger(pixels) ||
    pixels < LEAST_SIZE_PX ||
    pixels > MOST_SIZE_PX
  ) {
    throw badInput(`"size" must be a whole number from ${LEAST_SIZE_PX} to ${MOST_SIZE_PX}.`)
  }
  const level = errorCorrection ?? 'M'
  if (level !== 'L' && level !== 'M' && level !== 'Q' && level !== 'H') {
    throw badInput('"error_correction" must be L, M, Q or H.')
  }
  if (Buffer.byteLength(text) > CAPACITY_BYTES[level]) {
    throw badInput(
      `"text" is longer than the ${CAPACITY_BYTES[level]} bytes that fit at error correction ${level}.`,
    )
  }
  return { text, size: pixels, errorCorrection: level }
}

/** A QR code as an SVG document. */
export async function qrSvg({ text, size, errorCorrection }: QrOrder): Promise<string> {
  return render(text, { type: 'svg', width: size, errorCorrectionLevel: errorCorrection })
}
