import { afterAll, beforeAll, expect, test } from 'vitest'
import { aSocket } from '../support/mcp-clients.js'
import { answerJson, aWorld, type Party, type World } from '../support/world.js'

let world: World
let buyer: Party
let endpointId: string

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Acme', '1')
  endpointId = (await world.listing(await world.account('Seller'))).endpointId
})
afterAll(() => world.close())

test('a socket that is open when its account is suspended buys nothing more', async () => {
  await world.rest('POST', '/v1/gateways', buyer.key, {
    name: 'Mine', type: 'mcp', endpoint: 'mine', configuration: { tools: [endpointId] },
  })
  const socket = await aSocket(`${world.url}/mcp/${buyer.slug}/mine/ws`, { authorization: `Bearer ${buyer.key}` })
  world.upstream.answerWith(answerJson(200, { found: true }))
  const call = (id: number) => socket.ask({ id, method: 'tools/call', params: { name: 'search', arguments: { space: 'main', q: 'tea' } } })
  console.log(JSON.stringify(await call(1)).slice(0, 200))
  const s = await world.rest('POST', `/v1/accounts/${buyer.id}/suspend`, world.operatorKey, { category: 'fraud', reason: 'x' })
  console.log(s.status, s.text.slice(0, 200))
  console.log(JSON.stringify(await call(2)).slice(0, 300))
  socket.close()
})
