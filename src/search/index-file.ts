/**
 * The file of the index: a line that says what follows, as JSON behind its own checksum, then the
 * arrays, one after the other. A file that is damaged or of another layout is as good as none.
 */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { setImmediate as othersMayWork } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

type Numbers = Uint8Array | Uint32Array | BigInt64Array | Float64Array

/** What is stored: arrays by name, and a little JSON. */
export type IndexFile = { head: unknown; arrays: Record<string, Numbers> }

const TYPES = { Uint8Array, Uint32Array, BigInt64Array, Float64Array }
type TypeName = keyof typeof TYPES

type Contents = {
  layout: number
  head: unknown
  arrays: { name: string; type: TypeName; bytes: number; checksum: number }[]
}

/** Arrays begin where any number may begin. */
const ALIGNMENT = 8

/**
 * Writes `file` whole or not at all: a crash leaves the old one. Nobody may write into the arrays
 * meanwhile.
 */
export async function writeIndexFile(
  file: string,
  layout: number,
  { head, arrays }: IndexFile,
): Promise<void> {
  const pieces: Buffer[] = []
  const contents: Contents = { layout, head, arrays: [] }
  for (const [name, array] of Object.entries(arrays)) {
    const data = Buffer.from(array.buffer, array.byteOffset, array.byteLength)
    pieces.push(data)
    const checksum = crc32(data)
    contents.arrays.push({ name, type: typeOf(array), bytes: data.length, checksum })
    await othersMayWork()
  }
  const line = JSON.stringify(contents)
  const first = Buffer.from(`${crc32(line)} ${line}\n`)
  const next = `${file}.next`
  try {
    await writeWhole(next, [first, ...pieces])
    await rename(next, file)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}

async function writeWhole(file: string, pieces: readonly Buffer[]): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    for (const piece of pieces) {
      await handle.writeFile(piece)
      await handle.writeFile(Buffer.alloc(padding(piece.length)))
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What was written, `undefined` where there is no file or none that can be used. */
export async function readIndexFile(file: string, layout: number): Promise<IndexFile | undefined> {
  const bytes = await readFile(file).catch(() => undefined)
  const end = bytes?.indexOf(0x0a) ?? -1
  if (bytes === undefined || end === -1) return undefined
  const contents = readContents(bytes.subarray(0, end))
  if (contents?.layout !== layout) return undefined
  const arrays: Record<string, Numbers> = {}
  let at = aligned(end + 1)
  for (const { name, type, bytes: length, checksum } of contents.arrays) {
    const data = bytes.subarray(at, at + length)
    if (data.length !== length || crc32(data) !== checksum) return undefined
    arrays[name] = numbersIn(data, type)
    at = aligned(at + length)
  }
  return { head: contents.head, arrays }
}

function readContents(line: Buffer): Contents | undefined {
  const [, checksum, json] = /^(\d+) (.+)$/.exec(line.toString()) ?? []
  if (json === undefined || crc32(json) !== Number(checksum)) return undefined
  return JSON.parse(json) as Contents
}

function numbersIn(data: Buffer, type: TypeName): Numbers {
  const Numbers = TYPES[type]
  const { BYTES_PER_ELEMENT } = Numbers
  // A buffer of the file begins at any address; only where it fits are its numbers read in place.
  const isAligned = data.byteOffset % BYTES_PER_ELEMENT === 0
  const { buffer, byteOffset, length } = isAligned ? data : new Uint8Array(data)
  return new Numbers(buffer as ArrayBuffer, byteOffset, length / BYTES_PER_ELEMENT)
}

function typeOf(array: Numbers): TypeName {
  return Object.keys(TYPES).find((name) => array instanceof TYPES[name as TypeName]) as TypeName
}

function aligned(at: number): number {
  return at + padding(at)
}

function padding(length: number): number {
  return (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT
}
