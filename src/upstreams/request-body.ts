/** The arguments placed in the body as its bytes: JSON, a form, a multipart form, or one of them whole. */
import { createHash } from 'node:crypto'
import type { Slot } from './argument-slot.js'
import {
  encodeQuery,
  encodeReserved,
  isGiven,
  pairsOf,
  partsFault,
  scalarText,
  wellFormedFault,
} from './argument-styles.js'
import { isJsonType, isMediaType, isMultipartType, isUrlEncodedType } from './media-type.js'

export type BodyArgument = { argument: string; slot: Slot; value: unknown }
export type RequestBody = { contentType: string; bytes: Buffer }
/** Notes why an argument cannot be sent. */
export type Refuse = (argument: string, reason: string) => void

/** Taking lists and objects apart can write a name many times; a body is not longer than this. */
const MAX_FORM_CHARS = 4 * 1024 * 1024

/**
 * The body that these arguments make; `undefined` where the one that is the whole body is left out.
 * What cannot be sent is told to `refuse`; the bytes are then of no use.
 *
 * @param mediaType the type of the whole body.
 */
export function bodyOf(
  args: readonly BodyArgument[],
  mediaType: string,
  isWhole: boolean,
  refuse: Refuse,
): RequestBody | undefined {
  if (isWhole) {
    const [given] = args
    if (given === undefined) return undefined
    const bytes = wholeBytes(given.slot, given.value)
    if (typeof bytes === 'string') refuse(given.argument, bytes)
    else return { contentType: mediaType, bytes }
    return undefined
  }
  if (isUrlEncodedType(mediaType)) return { contentType: mediaType, bytes: formOf(args, refuse) }
  if (isMultipartType(mediaType)) return multipartOf(args, refuse)
  // Object.fromEntries defines members, so that a declared `__proto__` is a member like any other.
  const members = Object.fromEntries(args.map(({ slot, value }) => [slot.name, value]))
  return { contentType: mediaType, bytes: Buffer.from(JSON.stringify(members)) }
}

/** The bytes of a whole body, or why there are none. */
function wholeBytes({ whole }: Slot, value: unknown): Buffer | string {
  if (whole === 'json') return Buffer.from(JSON.stringify(value))
  if (whole === 'base64') return base64Bytes(value) ?? 'It must be base64.'
  const text = scalarText(value)
  return wellFormedFault(text) ?? Buffer.from(text)
}

/** The bytes of strict, padded base64, or `undefined`. */
function base64Bytes(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || value.length % 4 !== 0) return undefined
  return /^[A-Za-z0-9+/]*={0,2}$/.test(value) ? Buffer.from(value, 'base64') : undefined
}

/** The arguments that are given and can be sent; the others are refused. */
function sound(args: readonly BodyArgument[], refuse: Refuse): BodyArgument[] {
  return args.filter(({ argument, value }) => {
    if (!isGiven(value)) return false
    const fault = partsFault(value, wellFormedFault)
    if (fault !== undefined) refuse(argument, fault)
    return fault === undefined
  })
}

/** Percent-encoded like a query: what reads forms reads `%20` as well as `+`. */
function formOf(args: readonly BodyArgument[], refuse: Refuse): Buffer {
  const pairs: string[] = []
  let chars = 0
  for (const { argument, slot, value } of sound(args, refuse)) {
    for (const pair of pairsOf(slot, value, slot.allowReserved ? encodeReserved : encodeQuery)) {
      pairs.push(pair.join('='))
      chars += pair[0].length + pair[1].length
      if (chars <= MAX_FORM_CHARS) continue
      refuse(argument, 'It is too long.')
      break
    }
  }
  return Buffer.from(pairs.join('&'))
}

type Part = { name: string; bytes: Buffer; contentType?: string; filename?: string }

function multipartOf(args: readonly BodyArgument[], refuse: Refuse): RequestBody {
  const parts: Part[] = []
  let chars = 0
  for (const { argument, slot, value } of sound(args, refuse)) {
    for (const part of partsOf(slot, value)) {
      if (typeof part === 'string') {
        refuse(argument, part)
        break
      }
      chars += part.name.length
      if (chars > MAX_FORM_CHARS) {
        refuse(argument, 'It is too long.')
        break
      }
      parts.push(part)
    }
  }
  return written(parts)
}

/** The parts of one argument; a sentence where one cannot be made. */
function* partsOf(slot: Slot, value: unknown): Generator<Part | string> {
  const { name, mediaType } = slot
  const isStyled = slot.style !== undefined && mediaType === undefined
  if (slot.isFile) {
    for (const file of [value].flat()) yield filePart(slot, file)
  } else if (isStyled) {
    for (const [key, text] of pairsOf(slot, value, (it) => it)) yield textPart(key, text)
  } else if (mediaType !== undefined) {
    // A text is a text of that type, unless the type says that it is a JSON value.
    const isText = typeof value === 'string' && !isJsonType(mediaType)
    const text = isText ? value : JSON.stringify(value)
    yield { ...textPart(name, text), contentType: mediaType }
  } else {
    for (const item of [value].flat().filter(isGiven)) {
      const isJson = typeof item === 'object'
      const part = textPart(name, scalarText(item))
      yield isJson ? { ...part, contentType: 'application/json' } : part
    }
  }
}

function textPart(name: string, text: string): Part {
  return { name, bytes: Buffer.from(text) }
}

/** A file is its bytes in base64, alone or with the name and the type that the server is told. */
function filePart(slot: Slot, value: unknown): Part | string {
  const { base64, filename, content_type } =
    typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : { base64: value, filename: undefined, content_type: undefined }
  const bytes = base64Bytes(base64)
  if (bytes === undefined) return 'A file must be base64.'
  const contentType = content_type ?? slot.mediaType ?? 'application/octet-stream'
  if (!isMediaType(contentType)) return 'The content_type of a file must be a media type.'
  return { name: slot.name, bytes, contentType, filename: String(filename ?? slot.name) }
}

/** The boundary follows from the content, so that equal arguments give equal bytes. */
function written(parts: readonly Part[]): RequestBody {
  const hash = createHash('sha256')
  for (const { name, bytes } of parts) hash.update(name).update('\n').update(bytes).update('\n')
  const boundary = `souk-${hash.digest('hex').slice(0, 40)}`
  const lines = parts.flatMap(({ name, bytes, contentType, filename }) => {
    const file = filename === undefined ? '' : `; filename="${quoted(filename)}"`
    const type = contentType === undefined ? '' : `content-type: ${contentType}\r\n`
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${quoted(name)}"${file}\r\n`
    return [Buffer.from(`${head}${type}\r\n`), bytes, Buffer.from('\r\n')]
  })
  const bytes = Buffer.concat([...lines, Buffer.from(`--${boundary}--\r\n`)])
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes }
}

/** As browsers write the names of parts and files. */
function quoted(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
