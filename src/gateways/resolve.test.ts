import { describe, expect, test } from 'vitest'
import type { Gateway } from './gateway.js'
import { resolveTools } from './resolve.js'

const active: Record<string, { endpointId: string; name: string }[]> = {
  'listing wiki': [
    { endpointId: 'wiki.search', name: 'search' },
    { endpointId: 'wiki.read', name: 'read' },
  ],
  'server notes': [{ endpointId: 'mcp-notes.add', name: 'notes__add' }],
  'seller acct_1': [{ endpointId: 'wiki.search', name: 'search' }],
}

const deps = {
  catalogue: {
    find: async () => undefined,
    activeEndpoints: async (of: object) => {
      const [[kind, name]] = Object.entries(of) as [[string, string]]
      return active[`${kind} ${name}`] ?? []
    },
    toolsNow: async () => new Map(),
  },
  tools: {
    namedTools: async () => [{ name: 'search', endpointId: 'acme-search.search' }],
    edition: () => 1,
  },
}

function aGateway(configuration: Gateway['configuration'], endpoint: string): Gateway {
  return {
    ...{ id: 'gw_1', accountId: 'acct_1', accountSlug: 'acme', name: 'Mine', endpoint },
    ...{ configuration, createdAtMs: 0, updatedAtMs: 0 },
  }
}

async function namesOf(configuration: Gateway['configuration'], endpoint = 'mine') {
  const tools = await resolveTools(deps, aGateway(configuration, endpoint))
  return Object.fromEntries([...tools].map(([name, { endpointId }]) => [name, endpointId]))
}

describe('the tools of a gateway', () => {
  test('are called by what their endpoint is called', async () => {
    expect(await namesOf({ tools: ['wiki.search', 'maps.geo-code'] })).toEqual({
      search: 'wiki.search',
      'geo-code': 'maps.geo-code',
    })
  })

  test('say their listing where the plain name is taken, and end in a hash where that is, too', async () => {
    const names = Object.keys(await namesOf({ tools: ['wiki.search', 'web.search', 'web.search'] }))
    expect(names.slice(0, 2)).toEqual(['search', 'web__search'])
    expect(names[2]).toMatch(/^search_[0-9a-f]{8}$/)
  })

  test('have the names, and the versions, that their account gives them', async () => {
    const tools = [{ endpoint_id: 'wiki.search', name: 'find_page', version: 2 }]
    const gateway = aGateway({ tools }, 'x')
    expect([...(await resolveTools(deps, gateway)).values()]).toEqual([
      { name: 'find_page', endpointId: 'wiki.search', version: 2 },
    ])
  })

  test('are all of a listing, or of a server, where that is named', async () => {
    expect(await namesOf({ tools: ['wiki.*'], servers: ['notes'] })).toEqual({
      search: 'wiki.search',
      read: 'wiki.read',
      notes__add: 'mcp-notes.add',
    })
  })

  test("are the account's own where nothing is named, its named tools first", async () => {
    expect(await namesOf({})).toEqual({ search: 'acme-search.search', wiki__search: 'wiki.search' })
    expect(await namesOf({}, 'tools')).toEqual({ search: 'acme-search.search' })
  })

  test('are there once, under the name that their account gives them', async () => {
    const tools = [{ endpoint_id: 'wiki.search', name: 'find_page' }, 'wiki.*']
    expect(await namesOf({ tools })).toEqual({ find_page: 'wiki.search', read: 'wiki.read' })
  })

  test('have names that every client takes, however long their own is', async () => {
    const endpointId = `long.${'a-long-name-'.repeat(5)}`
    const [name] = Object.keys(await namesOf({ tools: [endpointId, 'x.y'] }))
    expect(name).toMatch(/^[\w-]{1,60}$/)
    expect(Object.keys(await namesOf({ tools: [endpointId, 'x.y'] }))[0]).toBe(name)
  })
})
