import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Credential } from '#upstreams'
import { type ACatalogue, aCatalogue } from '../../test/support/a-catalogue.js'
import { handlerCredential, handlerSlots, settleHandlerCredential } from './handler-credentials.js'

const ONE = 'https://one.example/a'
const SAME_HOST = 'https://one.example/b?c=1'
const OTHER_HOST = 'https://other.example/a'
const SECRET: Credential = { type: 'header', name: 'x-key', value: 'secret-of-one' }
const NEW_SECRET: Credential = { type: 'bearer', token: 'another-secret' }

let world: ACatalogue
let tools = 0

beforeAll(async () => {
  world = await aCatalogue()
})

afterAll(() => world.close())

/** A tool whose handler moves about. */
function aTool() {
  const of = { sellerId: 'acct_1', endpointId: `wiki.tool-${++tools}` }
  const { store, vault } = world
  return {
    ...of,
    settle: (url: string, given?: Credential, before?: string) =>
      store.inTransaction((tx) =>
        settleHandlerCredential(tx, vault, { ...of, url }, { given, before }),
      ),
    at: (url: string) => handlerCredential(store.db, vault, { ...of, url }),
  }
}

describe('the secret of a handler', () => {
  test('is shown by type and name alone', async () => {
    const tool = aTool()
    await tool.settle(ONE, SECRET)
    const slots = await handlerSlots(world.store.db, tool.endpointId)
    expect([...slots]).toEqual([[ONE, { type: 'header', name: 'x-key' }]])
  })

  test('stays at its address when the tool moves on, with a secret or without', async () => {
    const tool = aTool()
    await tool.settle(ONE, SECRET)
    await tool.settle(OTHER_HOST, { type: 'none' }, ONE)
    expect(await tool.at(ONE)).toEqual(SECRET)
    expect(await tool.at(OTHER_HOST)).toEqual({ type: 'none' })
    await tool.settle(ONE, undefined, OTHER_HOST)
    expect(await tool.at(ONE)).toEqual(SECRET)
  })

  test('goes along to another path of its host, and not to another host', async () => {
    const tool = aTool()
    await tool.settle(ONE, SECRET)
    await tool.settle(SAME_HOST, undefined, ONE)
    expect(await tool.at(SAME_HOST)).toEqual(SECRET)
    await expect(tool.settle(OTHER_HOST, undefined, ONE)).rejects.toThrow(/another host/)
    expect(await tool.at(OTHER_HOST)).toEqual({ type: 'none' })
  })

  test('is replaced at one address only, and taken away by type none', async () => {
    const tool = aTool()
    await tool.settle(ONE, SECRET)
    await tool.settle(SAME_HOST, undefined, ONE)
    await tool.settle(SAME_HOST, NEW_SECRET, SAME_HOST)
    expect([await tool.at(ONE), await tool.at(SAME_HOST)]).toEqual([SECRET, NEW_SECRET])
    await tool.settle(SAME_HOST, { type: 'none' }, SAME_HOST)
    expect(await tool.at(SAME_HOST)).toEqual({ type: 'none' })
  })

  test('does not open for another tool, address or account than it was sealed for', async () => {
    const [tool, thief] = [aTool(), aTool()]
    await tool.settle(ONE, SECRET)
    const { db } = world.store
    const row = await db('handler_credentials').where({ endpoint_id: tool.endpointId }).first()
    await db('handler_credentials').insert({ ...row, endpoint_id: thief.endpointId })
    await db('handler_credentials').insert({ ...row, url: OTHER_HOST })
    await expect(thief.at(ONE)).rejects.toThrow(/does not open/)
    await expect(tool.at(OTHER_HOST)).rejects.toThrow(/does not open/)
    const other = { sellerId: 'acct_2', endpointId: tool.endpointId, url: ONE }
    await expect(handlerCredential(db, world.vault, other)).rejects.toThrow(/does not open/)
  })
})
