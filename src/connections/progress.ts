/** Progress of a call: always growing, and never more of it than a client wants to hear. */
import { isObject } from './messages.js'

export type Progress = { progress: number; total?: number; message?: string }

/** A second's worth may come at once; what comes faster is left out. */
const PER_SECOND = 20

/** Takes the parameters of `notifications/progress`; tells `onProgress` what is worth telling. */
export function progressGate(onProgress: (progress: Progress) => void): (params: unknown) => void {
  let highest = Number.NEGATIVE_INFINITY
  let allowance = PER_SECOND
  let lastMs = performance.now()
  return (params) => {
    if (!isObject(params)) return
    const { progress, total, message } = params
    if (typeof progress !== 'number' || progress <= highest) return
    const nowMs = performance.now()
    allowance = Math.min(PER_SECOND, allowance + ((nowMs - lastMs) / 1000) * PER_SECOND)
    lastMs = nowMs
    if (allowance < 1) return
    allowance--
    highest = progress
    onProgress({
      progress,
      ...(typeof total === 'number' ? { total } : {}),
      ...(typeof message === 'string' ? { message } : {}),
    })
  }
}
