/** What gateways on one database see of one another's tools, whatever database it is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ToolInput, type Tools, toolSchema } from '#tools'
import { type ACatalogue, aCatalogueOn } from '../support/a-catalogue.js'
import { createToolsOn } from '../support/tools-on.js'
import type { TwoStores } from '../support/two-stores.js'

const HANDLER = 'http://127.0.0.1:9001/find'
const MOVED = 'http://127.0.0.1:9002/find'

type Side = { catalogue: ACatalogue['catalogue']; tools: Tools }

export function toolsAcrossGateways(name: string, openTwo: () => Promise<TwoStores>): void {
  describe(`the tools of two gateways on ${name}`, () => {
    let opened: TwoStores
    let [a, b]: ACatalogue[] = []
    let here: Side
    let there: Side
    let account: { id: ACatalogue['sellerId']; slug: string }

    beforeAll(async () => {
      opened = await openTwo()
      a = await aCatalogueOn(opened.stores[0])
      b = await aCatalogueOn(opened.stores[1], a)
      here = { catalogue: a.catalogue, tools: createToolsOn(a) }
      there = { catalogue: b.catalogue, tools: createToolsOn(b) }
      account = { id: a.sellerId, slug: 'acme' }
    })

    afterAll(async () => {
      await a!.close()
      await b!.close()
      await opened.close()
    })

    /** What each gateway does every second. */
    const follow = async ({ catalogue, tools }: Side) => {
      await catalogue.follow()
      await tools.follow()
    }

    const declare = (side: Side, changes: Partial<ToolInput> & { name: string }) =>
      side.tools.declare(
        account,
        toolSchema.parse({
          description: 'Finds things.',
          input_schema: { type: 'object' },
          handler_url: HANDLER,
          handler_auth: 'Bearer secret-of-find',
          visibility: 'public',
          ...changes,
        }),
      )

    const namesOf = async ({ tools }: Side) =>
      (await tools.namedTools(account.id)).map(({ name }) => name)

    test('a name that one declares is known to the other, until it is given up', async () => {
      await follow(there)
      expect(await namesOf(there)).not.toContain('find')
      const { shown } = await declare(here, { name: 'find' })
      expect(await namesOf(here)).toContain('find')
      await follow(there)
      expect(await there.tools.endpointNamed(account.id, 'find')).toBe(shown.endpoint_id)
      await there.tools.retire(account, shown.id)
      await follow(here)
      expect(await namesOf(here)).not.toContain('find')
      await expect(here.catalogue.offer(shown.endpoint_id)).rejects.toMatchObject({
        code: 'listing_changed',
      })
    })

    test('a secret that one replaces is what the other sends', async () => {
      const name = 'renewed'
      const { endpoint_id } = (await declare(here, { name })).shown
      await follow(there)
      const credential = async () => (await there.catalogue.offer(endpoint_id)).credential
      expect(await credential()).toEqual({ type: 'bearer', token: 'secret-of-find' })
      await declare(here, { name, handler_auth: 'Bearer renewed-secret' })
      await follow(there)
      expect(await credential()).toEqual({ type: 'bearer', token: 'renewed-secret' })
    })

    test('a pinned version keeps handler and secret on both', async () => {
      const name = 'moved'
      const { endpoint_id } = (await declare(here, { name })).shown
      const next = { name, handler_url: MOVED, handler_auth: 'Bearer secret-of-moved' }
      await declare(there, next)
      await follow(here)
      for (const { catalogue } of [here, there]) {
        expect(await catalogue.offer(endpoint_id, 1)).toMatchObject({
          ...{ target: { url: HANDLER }, credential: { token: 'secret-of-find' } },
          hostChanged: false,
        })
        expect(await catalogue.offer(endpoint_id)).toMatchObject({
          ...{ target: { url: MOVED }, credential: { token: 'secret-of-moved' }, version: 2 },
        })
      }
    })

    test('the same tool declared on both at once is one tool with one version', async () => {
      const sides = [here, there, here, there, here, there]
      const made = await Promise.all(sides.map((side) => declare(side, { name: 'raced' })))
      expect(new Set(made.map(({ shown }) => shown.id)).size).toBe(1)
      expect(made.map(({ shown }) => shown.version)).toEqual(Array(6).fill(1))
      expect(made.filter(({ isNewVersion }) => isNewVersion)).toHaveLength(1)
    })

    test('names of one slug declared on both at once are two tools', async () => {
      const [one, two] = await Promise.all([
        declare(here, { name: 'sameSlug' }),
        declare(there, { name: 'same_slug' }),
      ])
      expect(one.shown.endpoint_id).not.toBe(two.shown.endpoint_id)
    })

    test('a signing secret that one rotates is what the other signs with', async () => {
      const call = { callId: 'call_1', body: Buffer.from('{}') }
      await there.tools.signHandlerCall(account.id, call)
      const { secret } = await here.tools.rotateSigningSecret(account.id)
      await follow(there)
      expect((await there.tools.signingSecret(account.id)).secret).toBe(secret)
      expect(await there.tools.signHandlerCall(account.id, call)).toEqual(
        await here.tools.signHandlerCall(account.id, call),
      )
    })
  })
}
