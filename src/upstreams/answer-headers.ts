/** What of a seller's response headers a buyer gets to see. */
import type { Scrubber } from './scrub.js'

type RawHeaders = Record<string, string | string[] | undefined>

const PASSED = new Set([
  'content-language',
  'content-type',
  'date',
  'etag',
  'last-modified',
  'link',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
  'x-request-id',
  'x-total-count',
])

/** The headers of the allow-list, scrubbed; repeated ones joined by commas. */
export function passedHeaders(raw: RawHeaders, scrubber: Scrubber): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(raw)) {
    if (!PASSED.has(name) && !name.startsWith('x-ratelimit-')) continue
    headers[scrubber.text(name)] = scrubber.text(headerText(raw[name]) ?? '')
  }
  return headers
}

/** One text of a header that may have come several times. */
export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** `application/json` of `application/JSON; charset=utf-8`; arbitrary bytes where nothing is said. */
export function mediaTypeOf(contentType: string | undefined): string {
  const essence = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
  return essence === '' ? 'application/octet-stream' : essence
}

/** The wait that Retry-After asks for: seconds, or the time until an HTTP date. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}
