/** Takes the content encoding off a body without ever unpacking more than a limit. */
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from 'node:zlib'

export type Decoded = { bytes: Buffer; isCut: boolean }

/** What is small both packed and unpacked is unpacked in place: cheaper than a stream, well below 1 ms. */
const SMALL_PACKED_BYTES = 32 * 1024
const SMALL_UNPACKED_BYTES = 256 * 1024
const CHUNK_BYTES = 64 * 1024

/**
 * The decoded body, its first `limitBytes` bytes if it is longer. `received.isCut` says that the end
 * of the packed bytes is missing, which then is no fault.
 *
 * @throws Error for an encoding that was not asked for, or bytes that are not in that encoding.
 */
export async function decodeBody(
  received: Decoded,
  contentEncoding: string | undefined,
  limitBytes: number,
): Promise<Decoded> {
  const encoding = (contentEncoding ?? '').trim().toLowerCase()
  if (encoding === '' || encoding === 'identity' || received.bytes.length === 0) return received
  const codec = codecOf(encoding, received.bytes)
  if (!codec) throw new Error('The answer has a content encoding that was not asked for.')
  if (received.bytes.length <= SMALL_PACKED_BYTES && !received.isCut) {
    const bytes = unpackSmall(codec, received.bytes, Math.min(limitBytes, SMALL_UNPACKED_BYTES))
    if (bytes) return { bytes, isCut: false }
  }
  return unpack(codec, received, limitBytes)
}

type Codec = {
  sync(bytes: Buffer, options: { maxOutputLength: number }): Buffer
  stream(options: { chunkSize: number; finishFlush?: number }): NodeJS.ReadWriteStream & {
    destroy(): void
  }
  /** Gives out what there is when the packed bytes end early. */
  flush: number
}

const gzip: Codec = { sync: gunzipSync, stream: createGunzip, flush: constants.Z_SYNC_FLUSH }
const zlib: Codec = { sync: inflateSync, stream: createInflate, flush: constants.Z_SYNC_FLUSH }
const raw: Codec = { sync: inflateRawSync, stream: createInflateRaw, flush: constants.Z_SYNC_FLUSH }
const brotli: Codec = {
  sync: brotliDecompressSync,
  stream: createBrotliDecompress,
  flush: constants.BROTLI_OPERATION_FLUSH,
}

function codecOf(encoding: string, bytes: Buffer): Codec | undefined {
  if (encoding === 'gzip' || encoding === 'x-gzip') return gzip
  if (encoding === 'br') return brotli
  // Some servers send deflate without the zlib frame that the standard asks for.
  if (encoding === 'deflate') return (bytes[0]! & 0x0f) === 8 ? zlib : raw
  return undefined
}

/** `undefined` when it is not small after all. */
function unpackSmall(codec: Codec, bytes: Buffer, maxOutputLength: number): Buffer | undefined {
  try {
    return codec.sync(bytes, { maxOutputLength })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}

function unpack(codec: Codec, received: Decoded, limitBytes: number): Promise<Decoded> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const stream = codec.stream({
      chunkSize: CHUNK_BYTES,
      ...(received.isCut ? { finishFlush: codec.flush } : {}),
    })
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size <= limitBytes) return
      stream.destroy()
      resolve({ bytes: Buffer.concat(chunks).subarray(0, limitBytes), isCut: true })
    })
    stream.on('end', () => resolve({ bytes: Buffer.concat(chunks), isCut: received.isCut }))
    stream.on('error', reject)
    stream.end(received.bytes)
  })
}
