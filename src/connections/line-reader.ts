/** Splits what a process writes into lines, in bounded memory. */

const LINE_FEED = 10

/** Takes chunks; gives whole lines to `onLine`, and `onTooLong` once for a line beyond the limit. */
export function createLineReader(
  maxBytes: number,
  onLine: (line: Buffer) => void,
  onTooLong: () => void,
): (chunk: Buffer) => void {
  let pending: Buffer[] = []
  let pendingBytes = 0
  return (chunk) => {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const piece = chunk.subarray(start, end)
      start = end + 1
      const isTooLong = pendingBytes + piece.length > maxBytes
      const line = pending.length === 0 ? piece : Buffer.concat([...pending, piece])
      pending = []
      pendingBytes = 0
      if (isTooLong) onTooLong()
      else if (line.length > 0) onLine(line)
    }
    if (start === chunk.length) return
    pending.push(chunk.subarray(start))
    pendingBytes += chunk.length - start
    if (pendingBytes <= maxBytes) return
    pending = []
    pendingBytes = 0
    onTooLong()
  }
}
