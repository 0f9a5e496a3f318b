import { expect, test } from 'vitest'
import type { ToolDefinition } from '#catalogue'
import type { ListedTool } from '#connections'
import { UNDISCOVERED } from './discovery-state.js'
import type { ServerTerms } from './server-schema.js'
import { hashOf, MAX_TOOLS, offeredOf, reofferedOf, toolOf } from './tool-definitions.js'

const terms: ServerTerms = {
  name: 'weather',
  transport: 'streamable_http',
  url: 'https://w.example',
}
const listed: ListedTool = {
  name: 'get',
  description: 'Weather of a city.',
  inputSchema: { type: 'object', properties: { city: { type: 'string' } } },
}
const price = { model: 'per_call', amount: '0.1' } as const
const free = { model: 'free' } as const

const first = (tool: ListedTool = listed, said = terms): ToolDefinition =>
  offeredOf(said, [tool], new Map(), UNDISCOVERED).tools[0]!

const soldAs = (...tools: ToolDefinition[]) => new Map(tools.map((tool) => [toolOf(tool), tool]))
const applied = { price: free, requires_approval: false }
const again = (tools: ListedTool[], sold: Map<string, ToolDefinition>, said = terms) =>
  offeredOf(said, tools, sold, { ...UNDISCOVERED, applied })

test('a new tool has the price of its server, its own name there and one for clients', () => {
  expect(first()).toEqual({
    title: 'get',
    description: 'Weather of a city.',
    input_schema: listed.inputSchema,
    price: free,
    success: { status: '2xx' },
    requires_approval: false,
    backend: { type: 'mcp', server: 'weather', tool: 'get', definition_hash: expect.any(String) },
    name: 'weather__get',
  })
})

test('what was listed before in the same words is no change, whatever its `_meta` says', () => {
  const same = again([{ ...listed, _meta: { at: 'another time' } }], soldAs(first()))
  expect(same.isChanged).toBe(false)
  expect(same.tools).toEqual([first()])
})

test('another word anywhere in a definition is another hash and a change', () => {
  const other = { ...listed, outputSchema: { type: 'object' } }
  const changed = again([other], soldAs(first()))
  expect(changed.isChanged).toBe(true)
  expect(hashOf(changed.tools[0]!)).not.toBe(hashOf(first()))
})

test('what the operator set by hand stays, and what follows the server follows it', () => {
  const byHand = { ...first(), price, title: 'By hand', tags: ['weather'] }
  const dearer: ServerTerms = { ...terms, default_price: { model: 'per_call', amount: '2' } }
  expect(again([listed], soldAs(byHand), dearer).tools[0]).toEqual(byHand)
  expect(again([listed], soldAs(first()), dearer).tools[0]!.price).toEqual(dearer.default_price)
  const redefined = again([{ ...listed, title: 'Theirs' }], soldAs(byHand)).tools[0]
  expect(redefined).toMatchObject({ price, tags: ['weather'], title: 'Theirs' })
})

test('approval that the server has come to ask for holds for every tool that was not set by hand', () => {
  const careful: ServerTerms = { ...terms, require_approval: true }
  const sold = soldAs(first(), { ...first({ ...listed, name: 'set' }), requires_approval: true })
  expect(reofferedOf(careful, sold, applied).map((it) => it.requires_approval)).toEqual([
    true,
    true,
  ])
  const [, set] = reofferedOf(terms, sold, applied)
  expect(set!.requires_approval).toBe(true)
})

test('only what is wanted is sold, and what is left out is no refusal', () => {
  const chosen: ServerTerms = { ...terms, tools: { include: ['get', 'set'], exclude: ['set'] } }
  const tools = ['get', 'set', 'put'].map((name) => ({ ...listed, name }))
  const { tools: sold, refused } = again(tools, new Map(), chosen)
  expect(sold.map(toolOf)).toEqual(['get'])
  expect(refused).toEqual([])
})

test('hints in a schema are taken out, arguments of such a name stay', () => {
  const inputSchema = {
    type: 'object',
    'x-body': 'text',
    properties: {
      'x-in': { type: 'string', 'x-in': 'header', default: { 'x-kept': 1 } },
      list: { type: 'array', items: { anyOf: [{ type: 'string', 'x-a': 1 }] } },
    },
    $defs: { 'x-d': { type: 'object', 'x-b': 2 } },
  }
  expect(first({ ...listed, inputSchema }).input_schema).toEqual({
    type: 'object',
    properties: {
      'x-in': { type: 'string', default: { 'x-kept': 1 } },
      list: { type: 'array', items: { anyOf: [{ type: 'string' }] } },
    },
    $defs: { 'x-d': { type: 'object' } },
  })
})

test('of what a tool says about itself only the known hints are kept', () => {
  const annotations = { readOnlyHint: true, destructiveHint: 'no', title: 'Weather', evil: {} }
  expect(first({ ...listed, annotations })).toMatchObject({
    title: 'Weather',
    annotations: { readOnlyHint: true },
  })
  expect(first({ ...listed, annotations }).annotations).toEqual({ readOnlyHint: true })
})

test.each([
  ['a name that nobody sees', { ...listed, name: 'g\u200bet' }, 'invisible'],
  ['no name', { ...listed, name: '' }, 'empty'],
  ['a name of a million characters', { ...listed, name: 'n'.repeat(1e6) }, 'longer than 500'],
  ['a schema that is a list', { ...listed, inputSchema: [] }, 'no object'],
  ['half a character', { ...listed, description: '\ud800' }, 'cannot be read'],
  ['a schema deeper than any stack', { ...listed, inputSchema: deep(50_000) }, 'cannot be read'],
])('%s is refused with the reason, and the others are sold', (_what, tool, reason) => {
  const { tools, refused } = again([tool, { ...listed, name: 'other' }], new Map())
  expect(tools.map(toolOf)).toEqual(['other'])
  expect(refused).toEqual([{ name: expect.any(String), reason: expect.stringContaining(reason) }])
  expect(refused[0]!.name.length).toBeLessThanOrEqual(300)
})

test('a definition that could not be sold is not tried again until it is another one', () => {
  const before = {
    ...UNDISCOVERED,
    refused: [{ name: 'get', reason: 'Bad.', hash: hashOf(first())! }],
  }
  const same = offeredOf(terms, [listed], new Map(), before)
  expect(same).toMatchObject({ tools: [], refused: before.refused, isChanged: false })
  const mended = offeredOf(terms, [{ ...listed, title: 'Mended' }], new Map(), before)
  expect(mended.tools).toHaveLength(1)
})

test('a thousand tools are sold, the rest and what is listed twice is refused', () => {
  const many = Array.from({ length: MAX_TOOLS + 2 }, (_, i) => ({ ...listed, name: `tool_${i}` }))
  const { tools, refused } = again([...many, many[0]!], new Map())
  expect(tools).toHaveLength(MAX_TOOLS)
  expect(refused.map(({ name }) => name)).toEqual(['tool_1000', 'tool_1001', 'tool_0'])
})

function deep(levels: number): Record<string, unknown> {
  let schema: Record<string, unknown> = {}
  for (let level = 0; level < levels; level++) schema = { items: schema }
  return schema
}
