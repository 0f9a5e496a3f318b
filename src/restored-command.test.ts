import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { claimsOf } from '#receipts'
import { aCopyOf, type Copy, configOf, settingsOf } from '../test/support/a-copy.js'
import { aShop, type Party, type World } from '../test/support/world.js'
import { ConfigFault } from './config.js'
import { doctorCommand } from './doctor-command.js'
import { start } from './main.js'
import { restoredCommand } from './restored-command.js'

const onServer = inject('database') === 'postgres'
let world: World
let buyer: Party
let endpointId: string
beforeAll(async () => {
  ;({ world, buyer, endpointId } = await aShop())
})
afterAll(() => world.close())

const say = () => {}
/** The chain and the place in it of a receipt that is bought now. */
async function buy(url = world.url) {
  const response = await fetch(`${url}/v1/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${buyer.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }),
  })
  const { chain, seq } = claimsOf(((await response.json()) as { receipt: string }).receipt)
  return { chain, seq }
}

/** What a backup of now holds. */
async function aBackup(): Promise<Copy> {
  await world.stop()
  const copy = await aCopyOf(world)
  onTestFinished(copy.remove)
  await world.restart()
  return copy
}

async function examine(copy: Copy) {
  const lines: string[] = []
  const code = await doctorCommand(configOf(copy.settings), [], (line) => lines.push(line))
  return { code, faults: lines.filter((line) => line.startsWith('BAD')) }
}

test('what was bought after the backup and what is bought on it restored are in different chains', async () => {
  const before = [await buy(), await buy()]
  const backup = await aBackup()
  const lost = await buy()
  expect(lost).toEqual({ chain: before[0]!.chain, seq: 3 })

  const lines: string[] = []
  expect(await restoredCommand(configOf(backup.settings), [], (line) => lines.push(line))).toBe(0)
  expect(lines).toEqual([expect.stringMatching(/^The chains of receipts end here; /)])
  const restored = await start(
    configOf({
      ...backup.settings,
      SOUK_OPERATOR_KEY: world.operatorKey,
      SOUK_EGRESS_ALLOW: new URL(world.upstream.baseUrl).host,
    }),
  )
  const after = [await buy(restored.gateway.deps.publicUrl)]
  after.push(await buy(restored.gateway.deps.publicUrl))
  await restored.drain()
  expect(after.map(({ seq }) => seq)).toEqual([1, 2])
  expect(after[0]!.chain).toBe(after[1]!.chain)
  expect(after[0]!.chain).not.toBe(lost.chain)
  expect(await examine(backup)).toEqual({ code: 0, faults: [] })
})

test('a copy of the database at one moment audits clean', async () => {
  await buy()
  expect(await examine(await aBackup())).toEqual({ code: 0, faults: [] })
})

test.runIf(!onServer)(
  'it is refused while a gateway runs, and where there is nothing',
  async () => {
    const running = restoredCommand(configOf(settingsOf(world)), [], say)
    await expect(running).rejects.toThrow('SOUK_DATA_DIR: another gateway is running on ')
    const folder = mkdtempSync(join(tmpdir(), 'souk-restored-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const nothing = restoredCommand(configOf({ SOUK_DATA_DIR: folder }), [], say)
    await expect(nothing).rejects.toThrow('SOUK_DATA_DIR: there is no database ')
    expect(existsSync(join(folder, 'souk.db'))).toBe(false)
  },
)

test.runIf(onServer)('gateways that run meanwhile go on in new chains', async () => {
  const before = await buy()
  expect(await restoredCommand(configOf(settingsOf(world)), [], say)).toBe(0)
  const after = await buy()
  expect(after.seq).toBe(1)
  expect(after.chain).not.toBe(before.chain)
})

test('an argument is wrong usage', async () => {
  const run = restoredCommand(configOf({}), ['now'], say)
  await expect(run).rejects.toThrow(new ConfigFault(['usage: souk restored']))
})
