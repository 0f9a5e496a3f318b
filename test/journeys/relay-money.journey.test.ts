/** What calls of a relayed server cost, who may make them, and what a person is asked before. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  aMcpServer,
  echoTool,
  type McpServer,
  said,
  type ToolRun,
} from '../support/an-mcp-server.js'
import { allow } from '../support/an-operator.js'
import { type Json, OPERATOR_KEY } from '../support/world.js'
import { type ARelay, aClient, answerIn, aRelay } from './a-relay.js'

const PRICE = { default_price: { model: 'per_call', amount: '0.01' } }
const TOTAL = 0.0105

let relay: ARelay
let server: McpServer
let run: (call: ToolRun) => unknown
let path: string
let id: string

beforeAll(async () => {
  relay = await aRelay()
  server = await aMcpServer({ era: 'both', run: (call) => run(call) })
  allow(relay.world, server)
  const made = await relay.relaying(server.url, 1, PRICE)
  path = made.path
  id = made.id
})
beforeEach(() => {
  run = (call) => said(String(call.arguments.text))
})
afterAll(async () => {
  await relay.close()
  await server.close()
})

const echo = (more: Json = {}): Json => ({ name: 'echo', arguments: { text: 'x' }, ...more })
const purchaseOf = (result: Json) => (result._meta as Json)['souk/call'] as Json
const QUESTION = {
  method: 'elicitation/create',
  params: { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: {} } },
}

/** What of the operator's money was held and paid; the operator sells to itself, so less the fee. */
async function paidFor(work: () => Promise<unknown>): Promise<string[]> {
  const before = await receipts()
  await work()
  const after = await receipts()
  return after.slice(0, after.length - before.length).map(({ outcome }) => String(outcome))
}

async function receipts(): Promise<Json[]> {
  const { json } = await relay.world.rest('GET', '/v1/usage?limit=100', OPERATOR_KEY)
  return json.calls as Json[]
}

describe('a paid call', () => {
  test('is charged once, with a receipt, in both eras, and the list says the price', async () => {
    const session = await relay.initialize(path)
    const listed = answerIn(await relay.ask(path, 'tools/list', {}, { session })).result
    const [tool] = listed.tools as Json[]
    expect(tool).toEqual({ ...echoTool, _meta: { 'souk/price': expect.anything() } })
    const older = answerIn(await relay.ask(path, 'tools/call', echo(), { session })).result
    const modern = answerIn(await relay.modern(path, 'tools/call', echo())).result
    for (const result of [older, modern]) {
      expect(purchaseOf(result)).toMatchObject({
        ...{ outcome: 'charged', charge: { total: String(TOTAL) }, receipt: expect.anything() },
      })
    }
    expect(modern.resultType).toBe('complete')
    expect(older.resultType).toBeUndefined()
  })

  test('with the same idempotency key is answered again and sent once', async () => {
    const session = await relay.initialize(path)
    const _meta = { 'souk/idempotency_key': 'once' }
    const before = server.calls.length
    const answers = [
      await relay.ask(path, 'tools/call', echo({ _meta }), { session }),
      await relay.ask(path, 'tools/call', echo({ _meta }), { session }),
    ].map((each) => answerIn(each).result)
    expect(answers[0]!.content).toEqual(answers[1]!.content)
    expect(purchaseOf(answers[0]!).call_id).toBe(purchaseOf(answers[1]!).call_id)
    expect(server.calls).toHaveLength(before + 1)
    expect(JSON.stringify(server.calls.at(-1)!.params)).not.toContain('souk/')
  })

  test('that fails, by isError or by an error of the server, is refunded', async () => {
    const session = await relay.initialize(path)
    run = () => ({ ...said('no such city'), isError: true })
    const failed = answerIn(await relay.ask(path, 'tools/call', echo(), { session })).result
    expect(failed).toMatchObject({ isError: true })
    expect(purchaseOf(failed)).toMatchObject({ outcome: 'refunded', charge: { total: '0' } })
    run = () => {
      throw Object.assign(new Error('broken'), { code: -32_055, data: { part: 'wheel' } })
    }
    const outcomes = await paidFor(async () => {
      const { error } = answerIn(await relay.ask(path, 'tools/call', echo(), { session }))
      expect(error).toEqual({ code: -32_055, message: 'broken', data: { part: 'wheel' } })
    })
    expect(outcomes).toEqual(['refunded'])
  })

  test('with an empty result is an error and refunded', async () => {
    const session = await relay.initialize(path)
    run = () => ({})
    const outcomes = await paidFor(async () => {
      const { error } = answerIn(await relay.ask(path, 'tools/call', echo(), { session }))
      expect(error).toMatchObject({ code: -32_603 })
    })
    expect(outcomes).toEqual(['refunded'])
  })

  test('that asks for input is charged for the round that completes it', async () => {
    const states: unknown[] = []
    run = ({ params }) => {
      states.push(params.requestState)
      if (params.inputResponses) return { ...said('done'), resultType: 'complete' }
      const inputRequests = { sure: QUESTION }
      return { resultType: 'input_required', inputRequests, requestState: 'server-state' }
    }
    const capabilities = { elicitation: { form: {} } }
    const outcomes = await paidFor(async () => {
      const asked = answerIn(
        await relay.modern(path, 'tools/call', echo(), { capabilities }),
      ).result
      expect(asked).toMatchObject({ resultType: 'input_required' })
      expect(asked.requestState).not.toContain('server-state')
      const again = echo({
        inputResponses: { sure: { action: 'accept', content: {} } },
        requestState: asked.requestState,
      })
      const done = answerIn(await relay.modern(path, 'tools/call', again, { capabilities })).result
      expect(done).toMatchObject({ resultType: 'complete', content: [{ text: 'done' }] })
    })
    expect(outcomes.toSorted()).toEqual(['charged', 'refunded'])
    expect(states).toEqual([undefined, 'server-state'])
  })

  test('with a state that is forged, foreign or of another tool never reaches the server', async () => {
    run = () => ({
      ...{ resultType: 'input_required', inputRequests: { sure: QUESTION } },
      requestState: 'server-state',
    })
    const capabilities = { elicitation: { form: {} } }
    const asked = answerIn(await relay.modern(path, 'tools/call', echo(), { capabilities })).result
    const state = String(asked.requestState)
    const key = await relay.anotherKey()
    const before = server.calls.length
    const inputResponses = { sure: { action: 'accept', content: {} } }
    const tries = [
      { requestState: 'server-state' },
      { requestState: `${state.slice(0, -2)}xx` },
      { requestState: { a: 1 } },
      { requestState: state, name: 'other' },
    ].map((more) => relay.modern(path, 'tools/call', echo({ inputResponses, ...more })))
    const foreign = relay.modern(
      path,
      'tools/call',
      echo({ inputResponses, requestState: state }),
      {
        key,
      },
    )
    for (const answer of await Promise.all([...tries, foreign])) {
      expect(answerIn(answer).error).toMatchObject({ code: -32_602 })
    }
    expect(server.calls).toHaveLength(before)
  })
})

describe('a person', () => {
  test('who must approve is asked in the session, and by input_required', async () => {
    const change = await relay.admin('PUT', `/${id}`, { require_approval: true })
    expect(change.status, change.text).toBe(200)
    const capabilities = { elicitation: { form: {} } }
    const asked = answerIn(await relay.modern(path, 'tools/call', echo(), { capabilities })).result
    expect(asked).toMatchObject({ inputRequests: { approve: { method: 'elicitation/create' } } })
    const inputResponses = { approve: { action: 'accept', content: { approve: true } } }
    const { requestState } = asked
    const again = echo({ inputResponses, requestState })
    const bought = answerIn(await relay.modern(path, 'tools/call', again, { capabilities })).result
    expect(purchaseOf(bought)).toMatchObject({ outcome: 'charged' })

    const client = aClient(capabilities)
    client.setRequestHandler('elicitation/create', async () => ({
      ...{ action: 'accept', content: { approve: true } },
    }))
    await client.connect(relay.transport(path))
    const inSession = await client.callTool({ name: 'echo', arguments: { text: 'y' } })
    expect(purchaseOf(inSession as Json)).toMatchObject({ outcome: 'charged' })
    await client.close()

    const refused = answerIn(await relay.ask(path, 'tools/call', echo())).result
    expect(JSON.stringify(refused)).toContain('approval_required')
    await relay.admin('PUT', `/${id}`, { require_approval: false })
  })
})

describe('the list', () => {
  test('has what can be bought now, and a call of anything else is refused', async () => {
    const session = await relay.initialize(path)
    await relay.admin('PUT', `/${id}`, { tools: { exclude: ['echo'] } })
    const listed = answerIn(await relay.ask(path, 'tools/list', {}, { session })).result
    expect(listed.tools).toEqual([])
    const before = server.calls.length
    const called = answerIn(await relay.ask(path, 'tools/call', echo(), { session }))
    expect(called.error).toMatchObject({ code: -32_602 })
    expect(server.calls).toHaveLength(before)
    await relay.admin('PUT', `/${id}`, { tools: null })
    await relay.admin('POST', `/${id}/refresh`)
    const next = await relay.initialize(path)
    const again = answerIn(await relay.ask(path, 'tools/list', {}, { session: next })).result
    expect(again.tools).toHaveLength(1)
  })

  test('is for those who may use the server, and so is all else of it', async () => {
    const made = await relay.world.rest('POST', '/v1/keys', OPERATOR_KEY, {
      ...{
        name: 'narrow',
        scopes: ['read', 'call'],
        limits: {},
        allow: { servers: ['elsewhere'] },
      },
    })
    expect(made.status, made.text).toBe(201)
    const key = made.json.api_key as string
    const nowhere = await relay.ask('/mcp/operator/nowhere', 'tools/list', {}, { key })
    const before = server.requests.length
    for (const method of ['tools/list', 'resources/read', 'initialize']) {
      for (const ask of [relay.ask, relay.modern]) {
        const refused = await ask(path, method, {}, { key })
        expect([refused.status, refused.text], method).toEqual([404, nowhere.text])
      }
    }
    expect(server.requests).toHaveLength(before)
  })

  test('is not for an account that is suspended', async () => {
    const team = await relay.world.rest('POST', '/v1/sub-accounts', OPERATOR_KEY, { name: 'Team' })
    const { id, api_key: key } = team.json as { id: string; api_key: string }
    const why = { category: 'fraud', reason: 'found out' }
    await relay.world.rest('POST', `/v1/accounts/${id}/suspend`, OPERATOR_KEY, why)
    const before = server.requests.length
    for (const ask of [relay.ask, relay.modern]) {
      const { error } = answerIn(await ask(path, 'resources/read', { uri: 'test://it' }, { key }))
      expect(error).toMatchObject({ data: { code: 'account_suspended' } })
    }
    const methods = server.requests.slice(before).map(({ method }) => method)
    expect(methods).not.toContain('resources/read')
  })
})
