import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { type Jwk, verifyReceipt } from '#receipts'
import { configOf, settingsOf } from '../test/support/a-copy.js'
import { aShop, type Party, type World } from '../test/support/world.js'
import { rotateReceiptKey } from './keys-command.js'
import { start } from './main.js'

const onServer = inject('database') === 'postgres'
let world: World
let buyer: Party
let endpointId: string
beforeAll(async () => {
  ;({ world, buyer, endpointId } = await aShop())
})
afterAll(() => world.close())

/** Rotates beside the running gateway, and gives the `kid` that it names. */
async function rotate(): Promise<string> {
  const lines: string[] = []
  const code = await rotateReceiptKey(configOf(settingsOf(world)), ['rotate'], (line) =>
    lines.push(line),
  )
  expect({ code, lines }).toEqual({ code: 0, lines: [expect.stringMatching(/^A gateway signs /)] })
  return /with (\S+) from its next start on/.exec(lines[0]!)![1]!
}

const order = () => ({ endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } })

async function buy(): Promise<string> {
  const { json, text } = await world.rest('POST', '/v1/calls', buyer.key, order())
  expect(json.receipt, text).toEqual(expect.any(String))
  return json.receipt as string
}

async function shownKeys(): Promise<Jwk[]> {
  const { json } = await world.rest('GET', '/.well-known/jwks.json', undefined)
  return json.keys as Jwk[]
}

const kidOf = (jws: string) =>
  JSON.parse(Buffer.from(jws.split('.')[0]!, 'base64url').toString()).kid as string

async function expectValid(receipts: string[]): Promise<void> {
  const jwks = { keys: await shownKeys() }
  for (const jws of receipts) {
    expect(await verifyReceipt(jws, { jwks })).toMatchObject({ valid: true })
  }
}

test('a running gateway shows the new key at once, and signs with it after its next start', async () => {
  const first = await buy()
  const kid = await rotate()
  expect(kid).not.toBe(kidOf(first))
  expect((await shownKeys()).map((key) => key.kid).sort()).toEqual([kidOf(first), kid].sort())
  const second = await buy()
  expect(kidOf(second)).toBe(kidOf(first))
  await world.restart()
  const third = await buy()
  expect(kidOf(third)).toBe(kid)
  await expectValid([first, second, third])
})

test.runIf(onServer)(
  'one gateway signs with the new key while another has the old one',
  async () => {
    const kid = await rotate()
    const folder = mkdtempSync(join(tmpdir(), 'souk-second-'))
    const second = await start(
      configOf({
        ...settingsOf(world),
        SOUK_DATA_DIR: folder,
        SOUK_OPERATOR_KEY: world.operatorKey,
        SOUK_MASTER_KEY: readFileSync(join(world.dataDir, 'master.key'), 'utf8').trim(),
        SOUK_EGRESS_ALLOW: new URL(world.upstream.baseUrl).host,
      }),
    )
    onTestFinished(async () => {
      await second.drain()
      rmSync(folder, { recursive: true, force: true })
    })
    const response = await fetch(`${second.gateway.deps.publicUrl}/v1/calls`, {
      method: 'POST',
      headers: { authorization: `Bearer ${buyer.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(order()),
    })
    const { receipt: signedNew } = (await response.json()) as { receipt: string }
    const signedOld = await buy()
    expect(kidOf(signedNew)).toBe(kid)
    expect(kidOf(signedOld)).not.toBe(kid)
    await expectValid([signedNew, signedOld])
  },
)

test.runIf(onServer)('of keys that are made at the same time one stays to sign', async () => {
  const made = await Promise.all([rotate(), rotate(), rotate()])
  const { db } = world.started.gateway.deps.store
  const signing = await db('signing_keys').whereNotNull('sealed_private_key').select('kid')
  expect(signing).toHaveLength(1)
  expect(made).toContain(signing[0].kid)
})

test.each([[[]], [['make']], [['rotate', 'now']]])('%j is wrong usage', async (args) => {
  const lines: string[] = []
  const code = await rotateReceiptKey(configOf({}), args, (line) => lines.push(line))
  expect({ code, lines }).toEqual({ code: 2, lines: ['usage: souk keys rotate'] })
})
