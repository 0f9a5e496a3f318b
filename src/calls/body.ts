/** An answer's bytes as a face shows them. */
import { decodeUtf8, parseLossless } from '#core/json-text'
import type { AnswerBody } from './call.js'

type RenderedBody = {
  body: unknown
  truncated?: true
  body_url?: string
  /** The answer had a body, which is no longer kept. */
  body_expired?: true
}

/**
 * JSON where parsing loses nothing, text where it is text, base64 otherwise.
 *
 * @param limitBytes past it the body is cut to its first part, with the address of the whole.
 */
export function renderBody(
  answer: AnswerBody | null | undefined,
  limitBytes: number,
  bodyUrl: string,
): RenderedBody {
  if (answer === undefined) return { body: null, body_expired: true }
  if (answer === null || answer.bytes.length === 0) return { body: null }
  const { bytes, mediaType, truncated } = answer
  if (bytes.length > limitBytes || truncated) {
    const part = bytes.subarray(0, limitBytes)
    return { body: asTextOrBase64(part, mediaType, true), truncated: true, body_url: bodyUrl }
  }
  if (isJson(mediaType)) {
    const text = decodeUtf8(bytes)
    const parsed = text === undefined ? undefined : parseLossless(text)
    if (parsed) return { body: parsed.value }
  }
  return { body: asTextOrBase64(bytes, mediaType, false) }
}

function asTextOrBase64(bytes: Buffer, mediaType: string, isCut: boolean): unknown {
  const text = isText(mediaType) ? textOf(bytes, isCut) : undefined
  return text ?? { encoding: 'base64', media_type: mediaType, data: bytes.toString('base64') }
}

/** UTF-8 text; of a cut body, what stands before a character that the cut went through. */
function textOf(bytes: Buffer, isCut: boolean): string | undefined {
  if (!isCut) return decodeUtf8(bytes)
  for (let cut = 0; cut < 4; cut++) {
    const text = decodeUtf8(bytes.subarray(0, bytes.length - cut))
    if (text !== undefined) return text
  }
  return undefined
}

function isJson(mediaType: string): boolean {
  return /^(application|text)\/([\w.-]+\+)?json$/.test(mediaType)
}

function isText(mediaType: string): boolean {
  return (
    mediaType === '' ||
    mediaType.startsWith('text/') ||
    /[/+](json|xml|yaml|javascript|ecmascript|graphql|x-www-form-urlencoded|x-ndjson|sql|toml)$/.test(
      mediaType,
    )
  )
}
