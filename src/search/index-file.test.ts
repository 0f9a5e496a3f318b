import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type IndexFile, readIndexFile, writeIndexFile } from './index-file.js'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-index-'))
  file = join(folder, 'search.index')
})

afterEach(() => rmSync(folder, { recursive: true }))

const contents: IndexFile = {
  head: { revision: '12' },
  arrays: {
    bytes: Uint8Array.of(1, 2, 3),
    empty: new Uint32Array(0),
    numbers: Uint32Array.of(1, 0xff_ff_ff_ff),
    prices: BigInt64Array.of(-1n, 2n ** 62n),
  },
}

test('what is written is read again', async () => {
  await writeIndexFile(file, 1, contents)
  expect(await readIndexFile(file, 1)).toEqual(contents)
  expect(await readIndexFile(file, 2)).toBeUndefined()
})

test('no damage to a byte that counts goes unnoticed', async () => {
  await writeIndexFile(file, 1, contents)
  const whole = readFileSync(file)
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, mask) => {
        const damaged = Buffer.from(whole)
        damaged[at]! ^= mask
        writeFileSync(file, damaged)
        // What lies between the arrays does not count.
        expect([undefined, contents]).toContainEqual(await readIndexFile(file, 1))
      },
    ),
  )
})

test.each(['', '\n', '0 \n', '1 {}\n', 'x'])('a file of %j is as good as none', async (text) => {
  writeFileSync(file, text)
  expect(await readIndexFile(file, 1)).toBeUndefined()
})

test('what cannot be put in its place leaves nothing behind', async () => {
  await expect(writeIndexFile(folder, 1, contents)).rejects.toThrow()
  expect(readdirSync(join(folder, '..'))).not.toContain(`${folder}.next`)
})
