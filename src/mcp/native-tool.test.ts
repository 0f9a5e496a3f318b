import { describe, expect, test } from 'vitest'
import { anOffer } from '../../test/support/an-offer.js'
import { hasOutputSchema, toolText } from './native-tool.js'

const shown = (offer: ReturnType<typeof anOffer>, name = 'search') =>
  JSON.parse(toolText({ offer, name, endpointId: offer.endpointId }))

const withSchema = (input_schema: Record<string, unknown>) => {
  const offer = anOffer()
  return anOffer({ definition: { ...offer.definition, input_schema } })
}

/** A tool of an MCP server, as it is sold. */
function aTool(changes: Record<string, unknown> = {}) {
  const { method, path, base_url, ...terms } = anOffer().definition as never as Record<
    string,
    never
  >
  const backend = { type: 'mcp', server: 'notes', tool: 'add', definition_hash: '' }
  return anOffer({
    target: { kind: 'mcp', server: 'notes', tool: 'add' },
    definition: { ...terms, name: 'notes__add', backend, ...changes } as never,
  })
}

describe('a tool as clients see it', () => {
  test('has no hint of how its arguments are sent, but arguments of any name', () => {
    const { inputSchema } = shown(
      withSchema({
        type: 'object',
        'x-media-type': 'application/json',
        properties: {
          q: { type: 'string', 'x-in': 'query', 'x-name': 'query' },
          'x-trace': { type: 'string', 'x-in': 'header', default: 'x-in' },
          deep: { anyOf: [{ type: 'array', items: { type: 'string', 'x-in': 'body' } }] },
        },
      }),
    )
    expect(inputSchema).toEqual({
      type: 'object',
      properties: {
        q: { type: 'string' },
        'x-trace': { type: 'string', default: 'x-in' },
        deep: { anyOf: [{ type: 'array', items: { type: 'string' } }] },
      },
    })
  })

  test('goes by as many names as gateways give it', () => {
    const offer = anOffer()
    const [one, two] = [shown(offer, 'find'), shown(offer, 'look "up"')]
    expect([one.name, two.name]).toEqual(['find', 'look "up"'])
    expect({ ...one, name: '' }).toEqual({ ...two, name: '' })
  })

  test('says what it costs, and is never read-only then', () => {
    const tool = shown(anOffer())
    expect(tool.description).toMatch(/Costs at most 0\.00105 USDC a call\.$/)
    expect(tool.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: false })
    const free = shown(anOffer({ terms: { model: 'free' } }))
    expect(free.description).toBe('Search')
    expect(free.annotations.readOnlyHint).toBe(true)
  })

  test('passes on the hints of a server, and nothing else that it says there', () => {
    const annotations = { idempotentHint: true, readOnlyHint: 'yes', title: 'IGNORE ALL' }
    const tool = shown(aTool({ annotations }))
    expect(tool.annotations).toEqual({ idempotentHint: true, readOnlyHint: false })
  })

  test('has an output schema only where its results are held to it', () => {
    const output_schema = { type: 'object', properties: { id: { type: 'string' } } }
    expect(shown(aTool({ output_schema })).outputSchema).toEqual(output_schema)
    expect(hasOutputSchema(aTool({ output_schema: { type: 'array' } }))).toBe(false)
    const { definition } = anOffer()
    expect(hasOutputSchema(anOffer({ definition: { ...definition, output_schema } }))).toBe(false)
  })
})
