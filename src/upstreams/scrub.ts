/** Takes the seller's secret out of whatever comes back, in each form that an echo may give it. */
import { type Credential, secretsOf } from './credential.js'

export type Scrubber = {
  /** The longest form of the secret, in bytes: how far past a cut an occurrence can reach. */
  readonly longestBytes: number
  /**
   * `bytes` with each occurrence replaced that starts before `keepBytes`, and nothing of what lay
   * beyond `keepBytes`. The same object when there is nothing to do.
   */
  bytes(bytes: Buffer, keepBytes: number): Buffer
  /** The same for a header value or a sentence: text of Latin-1 characters. */
  text(text: string): string
}

const REDACTED = Buffer.from('[redacted]')

/** A body that is made of the secret is replaced as a whole, so that it costs no more than others. */
const MAX_OCCURRENCES = 10_000

const scrubbers = new WeakMap<Credential, Scrubber>()

/** The scrubber of a credential; the forms are worked out once per credential object. */
export function scrubberFor(credential: Credential): Scrubber {
  const known = scrubbers.get(credential)
  if (known) return known
  const scrubber = createScrubber(secretsOf(credential).flatMap(formsOf))
  scrubbers.set(credential, scrubber)
  return scrubber
}

/** The scrubber of secrets that are no credential of a listing; keep it, it is dear to make. */
export function scrubberOf(secrets: readonly string[]): Scrubber {
  return createScrubber(secrets.flatMap(formsOf))
}

function createScrubber(forms: Buffer[]): Scrubber {
  const byText = new Map(forms.map((form) => [form.toString('latin1'), form]))
  const texts = [...byText.keys()]
  const needles = [...byText.values()]
  const scrubBytes = (bytes: Buffer, keepBytes: number) => {
    const spans = spansOf(bytes, needles)
    if (spans.length > MAX_OCCURRENCES) return REDACTED
    if (spans.length > 0) return replaceSpans(bytes, spans, keepBytes)
    return bytes.length > keepBytes ? bytes.subarray(0, keepBytes) : bytes
  }
  return {
    longestBytes: Math.max(0, ...needles.map((needle) => needle.length)),
    bytes: scrubBytes,
    text: (text) =>
      texts.some((form) => text.includes(form))
        ? scrubBytes(Buffer.from(text, 'latin1'), text.length).toString('latin1')
        : text,
  }
}

/** Every form in which a server may show a secret that it was sent. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret)
  const json = JSON.stringify(secret).slice(1, -1)
  const url = encodeURIComponent(secret)
  const texts = [
    json,
    json.replaceAll('/', '\\/'),
    url,
    url.replaceAll('%20', '+'),
    url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    url.replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    escapeHtml(secret),
  ]
  const encoded = base64Forms(bytes).flatMap((form) => [
    form,
    form.replaceAll('/', '\\/'),
    form.replaceAll('+', '-').replaceAll('/', '_'),
    form.replaceAll('+', '%2B').replaceAll('/', '%2F'),
  ])
  return [
    bytes,
    Buffer.from(secret, 'latin1'),
    ...[...texts, ...encoded].map((text) => Buffer.from(text)),
  ]
}

/**
 * The base64 of the secret alone, without padding, and what stays the same of it when something
 * stands before or after it inside the encoded text (`Bearer <secret>`, a whole header dump).
 */
function base64Forms(secret: Buffer): string[] {
  const alone = secret.toString('base64').replaceAll('=', '')
  const inside = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString('base64')
    const firstWholeCharacter = Math.ceil((before * 8) / 6)
    const wholeCharacters = Math.floor(((before + secret.length) * 8) / 6)
    return text.slice(firstWholeCharacter, wholeCharacters)
  })
  return [alone, ...inside]
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

type Span = { start: number; end: number }

/** Where any needle occurs, in order, overlaps merged; past `MAX_OCCURRENCES` it stops looking. */
function spansOf(bytes: Buffer, needles: readonly Buffer[]): Span[] {
  const found: Span[] = []
  for (const needle of needles) {
    let start = bytes.indexOf(needle)
    while (start !== -1 && found.length <= MAX_OCCURRENCES) {
      found.push({ start, end: start + needle.length })
      start = bytes.indexOf(needle, start + needle.length)
    }
  }
  if (found.length < 2 || found.length > MAX_OCCURRENCES) return found
  found.sort((a, b) => a.start - b.start)
  const merged: Span[] = []
  for (const span of found) {
    const last = merged.at(-1)
    if (last && span.start <= last.end) last.end = Math.max(last.end, span.end)
    else merged.push(span)
  }
  return merged
}

/** The cut is made at a place of the original, so that a shorter text never pulls more of it in. */
function replaceSpans(bytes: Buffer, spans: readonly Span[], keepBytes: number): Buffer {
  const pieces: Buffer[] = []
  let at = 0
  for (const { start, end } of spans) {
    if (start >= keepBytes) break
    pieces.push(bytes.subarray(at, start), REDACTED)
    at = end
  }
  if (at < keepBytes) pieces.push(bytes.subarray(at, Math.min(bytes.length, keepBytes)))
  return Buffer.concat(pieces)
}
