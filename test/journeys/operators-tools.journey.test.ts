/** Tools of the operator: functions of this process, and those that stand in its file. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { answerJson, aWorld, type Json, type Party, type World } from '../support/world.js'

let world: World
let buyer: Party

beforeAll(async () => {
  world = await aWorld({ SOUK_UPSTREAM_TIME_MS: '1000' })
  buyer = await world.account('Buyer', '1')
})

afterAll(() => world.close())

type CodeTools = World['started']['gateway']['deps']['tools']['codeTools']

const register: CodeTools['register'] = (tool) =>
  world.started.gateway.deps.tools.codeTools.register(tool)

const textInput = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string' } },
}

/** Registers a function that does this, and gives what the buyer has to send to call it. */
async function aFunction(name: string, handler: Parameters<typeof register>[0]['handler']) {
  const { tool } = await register({ name, description: 'A test.', inputSchema: textInput, handler })
  return { endpoint_id: tool.endpointId, arguments: { text: 'tea' } }
}

const call = (order: Json, headers = {}) =>
  world.rest('POST', '/v1/calls', buyer.key, order, headers)

describe('a function of this process', () => {
  test('is found, priced and sold like everything else', async () => {
    const { tool } = await register({
      name: 'word_count',
      description: 'Counts the words of a text in alphabetical disorder.',
      inputSchema: z.object({ text: z.string(), least: z.int().default(2) }),
      outputSchema: z.object({ words: z.int() }),
      price: { model: 'per_call', amount: '0.01' },
      handler: ({ text, least }) => ({
        words: text.split(' ').filter((word) => word.length >= least).length,
        internal: 'not promised, so not shown',
      }),
    })
    const found = await world.tool(buyer.key, 'browse_apis', { query: 'alphabetical disorder' })
    expect(found.results).toMatchObject([{ endpoint_id: tool.endpointId }])
    const order = { endpoint_id: tool.endpointId, arguments: { text: 'a cup of tea' } }
    expect((await call(order)).json).toMatchObject({
      outcome: 'charged',
      body: { words: 3 },
      charge: { total: '0.0105' },
    })
  })

  test('answers text as text, and all else as JSON', async () => {
    const answers = []
    for (const value of ['tea', { a: 1 }, [1], 7, null, undefined]) {
      const order = await aFunction('answers', () => value)
      answers.push((await call(order)).json.body)
    }
    expect(answers).toEqual(['tea', { a: 1 }, [1], 7, null, null])
  })

  test('learns who calls, with what tag, and from where', async () => {
    const order = await aFunction('who', (_, { callId, accountId, tag, trace }) => {
      return { callId, accountId, tag, trace }
    })
    const { json } = await call(order, { 'x-souk-tag': 'mine' })
    expect(json.body).toEqual({
      ...{ callId: json.call_id, accountId: buyer.id, tag: 'mine' },
      trace: expect.stringMatching(new RegExp(`^${json.call_id}\\.`)),
    })
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('password of the database: 1234')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('password of the database: 1234'))],
    ['answers what is no JSON', () => 10n],
    [
      'answers a circle',
      () => {
        const circle: Json = {}
        circle.self = circle
        return circle
      },
    ],
    ['answers a function', () => () => 1],
  ])('that %s is refunded, and says nothing of why', async (_, handler) => {
    const answer = await call(await aFunction('fails', handler))
    expect(answer).toMatchObject({
      status: 502,
      json: { code: 'upstream_failed', message: 'The function of this tool failed.' },
    })
    expect(answer.text).not.toMatch(/1234|BigInt|circular/i)
  })

  test('that takes too long is refunded, told so, and whatever comes later is nobody’s', async () => {
    let wasTold = false
    const order = await aFunction(
      'slow',
      (_, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            wasTold = true
            reject(new Error('late'))
          })
        }),
    )
    expect(await call(order)).toMatchObject({ status: 504, json: { code: 'upstream_timeout' } })
    expect(wasTold).toBe(true)
  })

  test('that answers more than a tool may is refunded', async () => {
    const order = await aFunction('long', () => 'x'.repeat(2_000_000))
    expect((await call(order)).json).toMatchObject({
      outcome: 'refunded',
      message: expect.stringMatching(/longer/),
    })
  })

  test('is refused where its schema has more to say than JSON Schema', async () => {
    const { tool } = await register({
      name: 'even',
      description: 'Takes even numbers.',
      inputSchema: z.object({ n: z.int() }).refine(({ n }) => n % 2 === 0, 'must be even'),
      handler: ({ n }) => n / 2,
    })
    const half = (n: number) => call({ endpoint_id: tool.endpointId, arguments: { n } })
    expect((await half(4)).json).toMatchObject({ outcome: 'free', body: 2 })
    expect((await half(3)).json).toMatchObject({
      outcome: 'refunded',
      status: 400,
      body: 'must be even',
    })
  })

  test('of a name that no client takes is refused', async () => {
    const handler = () => 1
    const tool = { name: 'a b', description: 'A test.', inputSchema: textInput, handler }
    await expect(register(tool)).rejects.toThrow(/64 letters/)
  })

  test('that this process does not have is refused, and charged nothing', async () => {
    const order = await aFunction('gone', () => 1)
    await world.restart()
    expect(await call(order)).toMatchObject({
      status: 502,
      json: { code: 'upstream_failed', message: expect.stringMatching(/not in this process/) },
    })
  })
})

describe('a name that the operator gives twice', () => {
  test('is first the function’s, then the file’s, then the declaration’s', async () => {
    const { tools, accounts } = world.started.gateway.deps
    const operator = (await accounts.bySlug('operator'))!
    const declaration = {
      name: 'twice',
      description: 'A test.',
      input_schema: textInput,
      handler_url: world.upstream.baseUrl,
    }
    const sourceNow = async () =>
      (await tools.namedTools(operator.id)).find(({ name }) => name === 'twice')?.source
    await world.rest('POST', '/v1/mcp/tools', world.operatorKey, declaration)
    expect(await sourceNow()).toBe('declared')
    await tools.putFileTools(operator, [{ ...declaration, visibility: 'public' } as never])
    expect(await sourceNow()).toBe('file')
    const order = await aFunction('twice', () => 1)
    expect(await sourceNow()).toBe('code')
    expect(await tools.endpointNamed(operator.id, 'twice')).toBe(order.endpoint_id)
    await tools.putFileTools(operator, [])
    const { json } = await world.rest('GET', '/v1/mcp/tools', world.operatorKey)
    const twice = (json.tools as Json[]).filter(({ name }) => name === 'twice')
    expect(twice.map(({ source }) => source).sort()).toEqual(['code', 'declared'])
  })
})

describe('a tool in the operator’s file', () => {
  const file = () => join(world.dataDir, 'none.yaml')
  const write = (...names: string[]) =>
    writeFileSync(
      file(),
      `tools:\n${names
        .map(
          (name) => `
  - name: ${name}
    description: A test from the file.
    input_schema: { type: object, properties: { text: { type: string } } }
    handler_url: ${world.upstream.baseUrl}/${name}
    handler_auth: Bearer a-secret-in-a-file
    price: { model: per_call, amount: "0.01" }
`,
        )
        .join('')}`,
    )

  afterAll(() => rmSync(file(), { force: true }))

  test('is sold to everybody from the start on, until it is gone from the file', async () => {
    write('from_file', 'leaving')
    await world.restart()
    world.upstream.answerWith(answerJson(200, { tea: true }))
    const order = { endpoint_id: 'operator-from-file.from-file', arguments: { text: 'tea' } }
    expect((await call(order)).json).toMatchObject({ outcome: 'charged', version: 1 })
    const headers = world.upstream.requests.at(-1)?.headers
    expect(headers?.authorization).toBe('Bearer a-secret-in-a-file')
    write('from_file')
    await world.restart()
    expect((await call(order)).json).toMatchObject({ outcome: 'charged', version: 1 })
    const left = await call({ ...order, endpoint_id: 'operator-leaving.leaving' })
    expect(left).toMatchObject({ status: 409, json: { code: 'listing_changed' } })
  })

  test('that is wrong stops the start with a line that names it', async () => {
    write('a b')
    await expect(world.restart()).rejects.toThrow(/^tools\.0\.name: must be 1 to 64 letters/)
    rmSync(file())
  })

  test('whose handler may not be reached stops the start, too', async () => {
    writeFileSync(
      file(),
      'tools: [{name: inside, description: x, input_schema: {type: object}, handler_url: "https://10.0.0.1/"}]',
    )
    await expect(world.restart()).rejects.toThrow(/^tools: inside: handler_url: .*public internet/)
    rmSync(file())
    await world.restart()
  })
})
