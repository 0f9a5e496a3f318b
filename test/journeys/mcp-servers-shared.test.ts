/** Two gateways on one PostgreSQL: a server that is registered at one is called at both. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { aPostgresUrl } from '../support/a-postgres.js'
import { echoTool, said } from '../support/an-mcp-server.js'
import { type AnOperator, allow, anOperator, buyAt, eventually } from '../support/an-operator.js'
import { aWorld, type World } from '../support/world.js'

let one: AnOperator
let other: World
let drop: () => Promise<void>

beforeAll(async () => {
  const database = await aPostgresUrl()
  drop = database.drop
  const shared = {
    DATABASE_URL: database.url,
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
  }
  one = await anOperator(shared)
  other = await aWorld(shared)
  allow(other, one.upstream)
})
afterAll(async () => {
  await other.close()
  await one.close()
  await drop()
})

test('a server of one is used by the other, changed and removed with it', async () => {
  const { id, name } = await one.register({ headers: { 'X-Secret': 'shared-secret-4711' } })
  const endpointId = `mcp-${name}.echo`
  const atOther = (text: string) => buyAt(other, one.buyer, endpointId, { text })
  const { servers } = other.started.gateway.deps
  await eventually(async () => {
    expect((await atOther('over there')).json).toMatchObject({ body: said('over there') })
  })
  expect(one.upstream.requests.at(-1)!.headers).toMatchObject({ 'x-secret': 'shared-secret-4711' })
  await eventually(async () => expect(servers.standing()).toEqual([{ server: name, isUp: true }]))
  const price = { model: 'per_call', amount: '0.25' }
  await one.admin('PUT', `/${id}`, { default_price: price, headers: null })
  await eventually(async () => {
    expect((await atOther('dearer')).json).toMatchObject({ charge: { amount: '0.25' } })
    expect(one.upstream.requests.at(-1)!.headers).not.toHaveProperty('x-secret')
  })
  await one.admin('DELETE', `/${id}`)
  await eventually(async () => {
    expect((await atOther('gone')).json).toMatchObject({ code: 'listing_changed' })
    expect(servers.standing()).toEqual([])
  })
})

test('tools that a server changes are found by both at once, and make one version', async () => {
  const { id, name } = await one.register()
  const { servers } = other.started.gateway.deps
  await eventually(async () =>
    expect(servers.standing()).toContainEqual({ server: name, isUp: true }),
  )
  one.upstream.setTools([{ ...echoTool, description: 'Says it twice.' }])
  await eventually(async () => {
    expect((await one.toolsOf(id)).tools).toMatchObject([{ version: 2 }])
  })
  await Promise.all([servers.refresh(id), one.admin('POST', `/${id}/refresh`)])
  expect((await one.toolsOf(id)).tools).toMatchObject([{ version: 2 }])
})
