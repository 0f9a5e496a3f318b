import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aStore, type OpenedStore } from '../../test/support/a-store.js'
import { claimNames, readNames, releaseNames, type Source } from './tool-names.js'

let opened: OpenedStore
let accounts = 0

beforeAll(async () => {
  opened = await aStore()
})

afterAll(() => opened.close())

/** An account of its own, and what can be done with its names. */
function anAccount(functionsHere: readonly string[] = []) {
  const id = `acct_${++accounts}`
  return {
    claim: (source: Source, name: string, endpointId: string) =>
      opened.store.inTransaction((tx) => claimNames(tx, id, source, [{ name, endpointId }])),
    names: () => readNames(opened.store, id, (name) => functionsHere.includes(name)),
  }
}

const release = (...endpointIds: string[]) =>
  opened.store.inTransaction((tx) => releaseNames(tx, endpointIds))

describe('a name that several things have', () => {
  test('goes to code, then the file, then a declaration, then a discovery', async () => {
    const account = anAccount(['echo'])
    const sources: Source[] = ['discovered', 'declared', 'file', 'code']
    for (const source of sources) await account.claim(source, 'echo', `a.${source}`)
    for (const source of sources.toReversed()) {
      expect(await account.names()).toEqual([{ name: 'echo', endpointId: `a.${source}`, source }])
      await release(`a.${source}`)
    }
    expect(await account.names()).toEqual([])
  })

  test('does not go to a function of another process where something else has it', async () => {
    const account = anAccount()
    await account.claim('code', 'echo', 'b.code')
    expect(await account.names()).toMatchObject([{ source: 'code' }])
    await account.claim('discovered', 'echo', 'b.discovered')
    expect(await account.names()).toMatchObject([{ source: 'discovered' }])
  })

  test('goes to the first endpoint among equals, whichever claimed it first', async () => {
    const account = anAccount()
    await account.claim('discovered', 'echo', 'c.second')
    await account.claim('discovered', 'echo', 'c.first')
    expect(await account.names()).toMatchObject([{ endpointId: 'c.first' }])
  })
})

test('a name is claimed as often as one likes, and is its account’s alone', async () => {
  const [one, two] = [anAccount(), anAccount()]
  for (let i = 0; i < 2; i++) await one.claim('declared', 'echo', 'd.one')
  await two.claim('declared', 'echo', 'd.two')
  expect(await one.names()).toEqual([{ name: 'echo', endpointId: 'd.one', source: 'declared' }])
  expect(await two.names()).toMatchObject([{ endpointId: 'd.two' }])
})
