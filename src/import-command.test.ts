import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configOf, settingsOf } from '../test/support/a-copy.js'
import { aWorld, type Json, type World } from '../test/support/world.js'
import { importCommand } from './import-command.js'

let world: World
let folder: string
beforeAll(async () => {
  world = await aWorld()
  folder = mkdtempSync(join(tmpdir(), 'souk-import-'))
  mkdirSync(join(folder, 'rivers'))
  write('rivers/levels.json', JSON.stringify(aDocument('Levels', ['low', 'high'])))
  write('rivers/floods.yaml', yamlOf('Floods', ['now']))
  write('tides.yml', yamlOf('Tides', ['next']).replace('/next', '/a/../b'))
  write('rain.json', JSON.stringify(aDocument('Rain', ['day'], 'http://10.0.0.1')))
  write('broken.json', `${JSON.stringify(aDocument('Broken', ['x'])).slice(0, -1)},}`)
  write('package.json', '{"name":"rivers","version":"1.0.0"}')
  write('notes.txt', 'openapi: 3.0.0')
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await world.close()
})

const write = (name: string, text: string) => writeFileSync(join(folder, name), text)

function aDocument(title: string, names: readonly string[], url = world.upstream.baseUrl): Json {
  const get = (name: string) => ({
    operationId: name,
    summary: `The ${name} of ${title}`,
    responses: {},
  })
  return {
    openapi: '3.0.3',
    info: { title, version: '1' },
    servers: [{ url }],
    paths: Object.fromEntries(names.map((name) => [`/${name}`, { get: get(name) }])),
  }
}

function yamlOf(title: string, names: readonly string[]): string {
  const paths = names.map((name) => `  /${name}:\n    get: { operationId: ${name}, responses: {} }`)
  const head = ['openapi: 3.0.3', `info: { title: ${title}, version: "1" }`]
  return [...head, `servers: [{ url: "${world.upstream.baseUrl}" }]`, 'paths:', ...paths].join('\n')
}

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = []
  const { operatorKey } = world
  const config = { ...configOf(settingsOf(world)), publicUrl: world.url, operatorKey }
  const code = await importCommand(config, args, (line) => lines.push(line))
  return { code, text: lines.join('\n') }
}

test('a dry run of a folder says what would be imported, and imports nothing', async () => {
  const { code, text } = await run(folder, '--dry-run')
  expect(code).toBe(1)
  expect(text).toContain('Documents: 5, of which 2 would be imported and 3 refused.')
  expect(text).toContain('Operations: 3; created 3')
  const { json } = await world.rest('GET', '/v1/endpoints?query=levels', world.operatorKey)
  expect(JSON.stringify(json)).not.toContain('levels.low')
})

test('a folder is imported, whatever is bad named with its place; again it is as it was', async () => {
  const first = await run(folder, '--publish', '--category', 'water', '--price', '0.003')
  expect(first.code).toBe(1)
  expect(first.text).toContain('Operations: 3; created 3, changed 0')
  expect(first.text).toMatch(/refused {2}broken\.json: .*not valid JSON/)
  expect(first.text).toMatch(/refused {2}rain\.json: .*https/)
  expect(first.text).toMatch(/refused {2}tides\.yml: .*no operation/)
  const { json } = await world.rest('GET', '/v1/endpoints?query=low+levels', world.operatorKey)
  const imported = { endpoint_id: 'levels.low', category: 'water' }
  expect(json.results).toContainEqual(expect.objectContaining(imported))

  const again = await run(folder, '--publish', '--category', 'water', '--price', '0.003')
  expect(again.text).toContain('Operations: 3; created 0, changed 0, restored 0, unchanged 3')
})

test('a file that is good ends with 0, and strict refuses one that is partly bad', async () => {
  const file = join(folder, 'rivers/floods.yaml')
  expect((await run(file, '--slug', 'floods-alone')).code).toBe(0)
  const partlyBad = aDocument('Seas', ['wave', 'a/../b'])
  write('seas.json', JSON.stringify(partlyBad))
  const strict = await run(join(folder, 'seas.json'), '--strict')
  expect(strict).toMatchObject({ code: 1, text: expect.stringContaining('cannot be sold') })
  const lenient = await run(join(folder, 'seas.json'))
  expect(lenient).toMatchObject({ code: 0, text: expect.stringContaining('created 1') })
  expect(lenient.text).toMatch(/refused {2}seas\.json \/paths\/~1a~1\.\.~1b\/get: path/)
  expect(lenient.text).toMatch(/Listing seas \(lst_\w+\): draft\./)
})

test('the key of a file is the seller, and one that does not open ends the run', async () => {
  const seller = await world.account('Water Ltd')
  write('seller.key', `${seller.key}\n`)
  const file = join(folder, 'rivers/levels.json')
  expect((await run(file, '--key', join(folder, 'seller.key'))).code).toBe(0)
  const { json } = await world.rest('GET', '/v1/listings', seller.key)
  // The operator has the plain slug; this is another document to the gateway, as it is another's.
  expect((json.listings as Json[]).map(({ slug }) => slug)).toEqual([
    expect.stringMatching(/^levels-[0-9a-f]{6}$/),
  ])
  write('wrong.key', `${seller.key.slice(0, -2)}xx`)
  const wrong = await run(file, '--key', join(folder, 'wrong.key'))
  expect(wrong).toMatchObject({ code: 1, text: expect.stringContaining('NOT IMPORTED') })
})

test('what is no document and no command ends with 1 and with 2', async () => {
  expect(await run(join(folder, 'rivers', 'none'))).toMatchObject({ code: 1 })
  expect(await run()).toMatchObject({ code: 2, text: expect.stringContaining('usage:') })
  expect(await run(folder, '--unknown')).toMatchObject({ code: 2 })
})
