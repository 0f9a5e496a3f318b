import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Principal } from '#accounts'
import {
  type ACatalogue,
  aCatalogueOn,
  aListing,
  anEndpoint,
} from '../../test/support/a-catalogue.js'
import { anAccount, aPrincipal } from '../../test/support/an-offer.js'
import { databases } from '../../test/support/databases.js'
import type { ToolDefinition } from './listing.js'

const tool: ToolDefinition = {
  ...{ name: 'notes__add', title: 'Add', description: 'Adds a note.' },
  input_schema: { type: 'object' },
  price: { model: 'free' },
  success: { status: '2xx' },
  requires_approval: false,
  backend: { type: 'mcp', server: 'notes', tool: 'add', definition_hash: 'x' },
}

describe.each(databases)('of many names, on %s', (_name, open) => {
  let world: ACatalogue
  let end: () => Promise<void>
  let owner: Principal
  const stranger = aPrincipal()

  beforeAll(async () => {
    const { store, close } = await open()
    world = await aCatalogueOn(store)
    end = close
    await store.db('accounts').where({ id: world.sellerId }).update({ kind: 'operator' })
    owner = { ...aPrincipal(), account: anAccount({ id: world.sellerId }) }
    for (const slug of ['wiki', 'draft', 'retired']) {
      const listing = aListing({ slug, endpoints: [anEndpoint({ slug: 'search' })] })
      const { id } = (await world.catalogue.create(world.sellerId, listing)).listing
      if (slug !== 'draft') await world.catalogue.publish(world.sellerId, id)
      if (slug === 'retired') await world.catalogue.retire(world.sellerId, id)
    }
    await world.catalogue.putTools({
      ...{ sellerId: world.sellerId, slug: 'mcp-notes', title: 'Notes', description: 'Notes.' },
      ...{ category: 'tools', backend: { type: 'mcp', server: 'notes' }, visibility: 'private' },
      ...{ tools: [tool], isComplete: true },
    })
  })
  afterAll(async () => {
    await world.close()
    await end()
  })

  const shown = async (looker: Principal) => {
    const { endpoints, listings, servers } = await world.catalogue.visibleNames(looker, {
      endpoints: [
        ...['wiki.search', 'draft.search', 'retired.search', 'mcp-notes.add', 'notes__add'],
        ...['no.such', 'a\0b', 'notes__none'],
      ],
      listings: ['wiki', 'draft', 'retired', 'mcp-notes', 'a\0b'],
      servers: ['notes', 'none'],
    })
    return [Object.fromEntries(endpoints), [...listings].sort(), [...servers]]
  }

  test('those that are there and may be known of are found at once', async () => {
    expect(await shown(stranger)).toEqual([{ 'wiki.search': 1, 'retired.search': 1 }, ['wiki'], []])
    expect(await shown(owner)).toEqual([
      { 'wiki.search': 1, 'retired.search': 1, 'mcp-notes.add': 1, notes__add: 1 },
      ['mcp-notes', 'wiki'],
      ['notes'],
    ])
  })

  test('a list of what may be used hides the rest', async () => {
    const allow = { servers: ['notes'] }
    const bound = { ...owner, account: anAccount({ id: world.sellerId, allow }) }
    expect((await shown(bound))[0]).toEqual({ 'mcp-notes.add': 1, notes__add: 1 })
  })
})
