/** Whoever alters a receipt, or a chain of receipts, is found out. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verifyReceipt } from '#receipts'
import { anIssuer, aSigningKey, issueNext } from '../support/signed-receipts.js'

const key = aSigningKey()
const receipts = anIssuer(key)
const { jws } = issueNext(receipts)
const jwks = { keys: [key.publicJwk] }
const [header, payload, signature] = jws.split('.') as [string, string, string]
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())

async function expectRefused(text: string): Promise<void> {
  expect(await verifyReceipt(text, { jwks }), text).toMatchObject({ valid: false })
}

function withBitFlipped(bit: number): string {
  const bytes = Buffer.from(jws, 'latin1')
  bytes[bit >> 3]! ^= 1 << (bit & 7)
  return bytes.toString('latin1')
}

function withPayload(altered: unknown): string {
  return `${header}.${Buffer.from(JSON.stringify(altered)).toString('base64url')}.${signature}`
}

test('the receipt that is altered here verifies unaltered', async () => {
  expect(await verifyReceipt(jws, { jwks })).toMatchObject({ valid: true })
})

test('flipping any bit of the header or of the last characters of the signature fails', async () => {
  const lastChars = [...Array(8).keys()].map((i) => jws.length - 1 - i)
  for (const at of [...Array(header.length + 1).keys(), ...lastChars]) {
    for (let bit = at * 8; bit < at * 8 + 8; bit++) await expectRefused(withBitFlipped(bit))
  }
})

test('flipping any bit of any byte fails', async () => {
  const bit = fc.integer({ min: 0, max: jws.length * 8 - 1 })
  await fc.assert(
    fc.asyncProperty(bit, (at) => expectRefused(withBitFlipped(at))),
    { numRuns: 400 },
  )
})

test('removing, inserting or swapping characters fails', async () => {
  const edit = fc.tuple(
    fc.nat({ max: jws.length - 1 }),
    fc.integer({ min: 0, max: 3 }),
    fc.string({ maxLength: 3 }),
  )
  await fc.assert(
    fc.asyncProperty(edit, async ([at, removed, inserted]) => {
      const text = jws.slice(0, at) + inserted + jws.slice(at + removed)
      fc.pre(text !== jws)
      await expectRefused(text)
    }),
    { numRuns: 200 },
  )
})

/** The paths of all values inside the claims, objects included. */
function pathsIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  const inside = Object.entries(value).flatMap(([name, member]) => pathsIn(member, [...path, name]))
  return path.length === 0 ? inside : [path, ...inside]
}

/** The claims with another value at `path`; a value of `undefined` removes the member. */
function altered(path: readonly string[], value: unknown): unknown {
  const copy = structuredClone(claims)
  const last = path.at(-1)!
  const holder = path.slice(0, -1).reduce((at, name) => at[name], copy)
  holder[last] = value
  return copy
}

test('altering any claim and encoding it again fails', async () => {
  const paths = pathsIn(claims)
  expect(paths.length).toBeGreaterThan(40)
  const values = [undefined, null, 0, 1, 2, '0', '1', 'acct_thief', true, {}, []]
  for (const path of paths) {
    for (const value of values) {
      const text = withPayload(altered(path, value))
      if (text !== jws) await expectRefused(text)
    }
  }
})

test('giving any claim any value fails, and so does adding one', async () => {
  const path = fc.constantFrom(...pathsIn(claims))
  await fc.assert(
    fc.asyncProperty(path, fc.jsonValue(), fc.string(), async (at, value, name) => {
      const replaced = withPayload(altered(at, value))
      fc.pre(replaced !== jws && !Object.hasOwn(claims, name) && name !== '__proto__')
      await expectRefused(replaced)
      await expectRefused(withPayload({ ...claims, [name]: value }))
    }),
    { numRuns: 150 },
  )
})

test('the same claims in another spelling fail', async () => {
  await expectRefused(withPayload(Object.fromEntries(Object.entries(claims).reverse())))
  const spaced = Buffer.from(JSON.stringify(claims, null, 1)).toString('base64url')
  await expectRefused(`${header}.${spaced}.${signature}`)
})

test('altered claims signed with a key of the thief fail', async () => {
  const thief = anIssuer(aSigningKey())
  const forged = issueNext(thief, { hold: '100' }).jws
  await expectRefused(forged)
  const [, forgedPayload, forgedSignature] = forged.split('.')
  await expectRefused(`${header}.${forgedPayload}.${forgedSignature}`)
})

test('a chain verifies link by link, and a receipt that is missing or moved is detected', async () => {
  const length = fc.integer({ min: 3, max: 7 })
  const chains = length.chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n - 2 })))
  await fc.assert(
    fc.asyncProperty(chains, async ([n, missing]) => {
      const seller = anIssuer(key)
      const chain = [...Array(n)].map(() => issueNext(seller).jws)
      expect(await brokenLinks(chain)).toEqual([])
      expect(await brokenLinks(chain.toSpliced(missing, 1))).toEqual([missing])
      const swapped = chain.with(missing, chain[missing + 1]!).with(missing + 1, chain[missing]!)
      expect(await brokenLinks(swapped)).not.toEqual([])
    }),
    { numRuns: 10 },
  )
})

/** The positions whose receipt doesn't verify as the one after its neighbour. */
async function brokenLinks(chain: readonly string[]): Promise<number[]> {
  const broken: number[] = []
  for (const [i, text] of chain.entries()) {
    const previous = i === 0 ? {} : { previous: chain[i - 1]! }
    const { valid } = await verifyReceipt(text, { jwks, ...previous })
    if (!valid) broken.push(i)
  }
  return broken
}
