import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ACatalogue, aCatalogue } from '../../test/support/a-catalogue.js'
import type { ToolDefinition } from './listing.js'
import { slugOfTool } from './tool-listings.js'

let world: ACatalogue
beforeAll(async () => {
  world = await aCatalogue()
  await world.store.db('accounts').where({ id: world.sellerId }).update({ kind: 'operator' })
})
afterAll(() => world.close())

function aTool(tool: string): ToolDefinition {
  return {
    name: `notes__${tool}`,
    title: tool,
    description: `Says ${tool}.`,
    input_schema: { type: 'object' },
    price: { model: 'free', daily_cap: 5 },
    success: { status: '2xx' },
    requires_approval: false,
    backend: { type: 'mcp', server: 'notes', tool, definition_hash: tool },
  }
}

function discover(...tools: string[]) {
  return world.catalogue.putTools({
    ...{ sellerId: world.sellerId, slug: 'mcp-notes', title: 'Notes', description: 'Notes.' },
    ...{ category: 'tools', backend: { type: 'mcp', server: 'notes' }, visibility: 'public' },
    ...{ tools: tools.map(aTool), isComplete: true },
  })
}

test('a tool described by its name has the health of its endpoint', async () => {
  await discover('find')
  world.catalogue.observe({
    ...{ endpointId: 'mcp-notes.find', buyerId: 'acct_buyer' },
    ...{ delivered: true, latencyMs: 12, atMs: world.clock.now() },
  })
  const byName = await world.catalogue.describe('notes__find')
  expect(byName.health).toMatchObject({ uptime: 1, latency_ms_p50: 12 })
  expect(byName).toEqual(await world.catalogue.describe('mcp-notes.find'))
})

test('each of two names that come to one slug leads to its own tool', async () => {
  const names = ['say_it', 'say-it']
  for (const tools of [names.slice(0, 1), names, names.slice(0, 1), names.slice(1), names]) {
    const { tools: put } = await discover(...tools)
    for (const [at, tool] of [...tools].sort().entries()) {
      const { title, endpoint_id } = await world.catalogue.describe(`notes__${tool}`)
      expect({ title, endpoint_id }).toEqual({ title: tool, endpoint_id: put[at]!.endpointId })
    }
  }
})

test.each([
  ['say_it', /^say-it$/],
  ['SayIt', /^say-it$/],
  ['--', /^tool-[0-9a-f]{8}$/],
  ['x'.repeat(300), /^x{55}-[0-9a-f]{8}$/],
  [`${'x'.repeat(54)}_${'y'.repeat(99)}`, /^x{54}-[0-9a-f]{8}$/],
])('the slug of %s says as much as it can', (name, slug) => {
  expect(slugOfTool(name)).toMatch(slug)
})
