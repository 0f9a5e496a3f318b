import { describe, expect, test } from 'vitest'
import { canonicalJson } from '#core/canonical-json'
import { keepChanged, planEndpoint } from './import-plan.js'
import type { StoredEndpoint } from './versions.js'

const LAST_PRICE = { model: 'per_call', amount: '0.001' } as const
const reading = { isSuspect: false, names: [] }

function aText(changes: Record<string, unknown> = {}): string {
  return canonicalJson({
    ...{ title: 'Levels', description: 'All of them.', method: 'GET', path: '/levels' },
    ...{ base_url: 'https://gauges.example', input_schema: { type: 'object' } },
    ...{ price: LAST_PRICE, success: { status: '2xx' }, requires_approval: false },
    ...changes,
  })
}

function aStored(changes: Partial<StoredEndpoint> = {}): StoredEndpoint {
  const endpoint = { endpointId: 'gauges.levels', slug: 'levels', version: 3, text: aText() }
  return { ...endpoint, status: 'active', importState: 'listed', ...changes }
}

const plan = (text: string, stored: StoredEndpoint | undefined, lastPrice = LAST_PRICE) =>
  planEndpoint({ slug: 'levels', text, reading }, stored, lastPrice)

describe('an imported endpoint', () => {
  test('that is not there yet is created, active and listed', () => {
    expect(plan(aText(), undefined)).toMatchObject({
      change: 'created',
      writing: { version: 1, status: 'active', importState: 'listed', text: aText() },
    })
  })

  test('that is as it was is not written', () => {
    expect(plan(aText(), aStored())).toEqual({ change: 'unchanged', writing: undefined })
  })

  test('that changed becomes the next version', () => {
    const text = aText({ title: 'Water levels' })
    const { change, writing } = plan(text, aStored())
    expect({ change, writing }).toMatchObject({ change: 'changed', writing: { version: 4, text } })
  })

  test('gets a new default price, unless its seller set another one', () => {
    const price = { model: 'per_call', amount: '0.002' }
    const text = aText({ price })
    expect(plan(text, aStored()).writing).toMatchObject({ version: 4, text })
    const own = aText({ price: { model: 'per_call', amount: '0.5' } })
    expect(plan(text, aStored({ text: own }))).toMatchObject({ change: 'unchanged' })
  })

  test('keeps what no document says', () => {
    const own = { success: { status: 200, must_exist: '/data' }, requires_approval: true }
    const stored = aStored({ text: aText(own) })
    expect(plan(aText(), stored)).toMatchObject({ change: 'unchanged' })
    const { writing } = plan(aText({ path: '/v2/levels' }), stored)
    expect(writing?.text).toBe(aText({ ...own, path: '/v2/levels' }))
  })

  test('that had vanished is active again, as the version that it was', () => {
    const stored = aStored({ status: 'retired', importState: 'vanished' })
    expect(plan(aText(), stored)).toMatchObject({
      change: 'restored',
      writing: { version: 3, text: undefined, status: 'active', importState: 'listed' },
    })
    expect(plan(aText({ title: 'Other' }), stored)).toMatchObject({
      change: 'restored',
      writing: { version: 4 },
    })
  })

  test('that its seller retired stays retired, whatever the document says', () => {
    const stored = aStored({ status: 'retired' })
    expect(plan(aText({ title: 'Other' }), stored)).toEqual({
      change: 'unchanged',
      writing: undefined,
    })
  })

  test('that its seller had made by hand belongs to the document from now on', () => {
    expect(plan(aText(), aStored({ importState: null }))).toMatchObject({
      change: 'unchanged',
      writing: { version: 3, text: undefined, importState: 'listed' },
    })
  })
})

test('a field of the listing follows the document until its seller changes it', () => {
  expect(keepChanged('Gauges', 'Gauges', 'River gauges')).toBe('River gauges')
  expect(keepChanged('My gauges', 'Gauges', 'River gauges')).toBe('My gauges')
})
