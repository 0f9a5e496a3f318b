import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aWorld, type Json, type Party, type World } from '../../../test/support/world.js'

let world: World
let buyer: Party
let seller: Party
let callId: string

beforeAll(async () => {
  world = await aWorld()
  buyer = await world.account('Ada', '1')
  seller = await world.account('Acme')
  const grants = `/v1/accounts/${buyer.id}/grants`
  const formula = { amount: '0.5', reason: '=1+1, "x"' }
  await world.rest('POST', grants, world.operatorKey, formula)
  const { endpointId } = await world.listing(seller)
  const bought = await world.rest('POST', '/v1/calls', buyer.key, {
    endpoint_id: endpointId,
    arguments: { space: 'main', q: 'tea' },
  })
  callId = bought.json.call_id as string
})

afterAll(() => world.close())

const read = (query = '', { key = buyer.key, accept = '*/*' } = {}) =>
  world.rest('GET', `/v1/statement${query}`, key, undefined, { accept })

async function aKey(party: Party, scopes: string[]): Promise<string> {
  const { json } = await world.rest('POST', '/v1/keys', party.key, { name: 'x', scopes })
  return json.api_key as string
}

test('a buyer reads grants and calls with the balance after each, as in GET /v1/balance', async () => {
  const { json } = await read()
  expect(json).toEqual({
    currency: 'USDC',
    opening: { spending: '0', earnings: '0' },
    entries: [
      expect.objectContaining({ kind: 'grant', amount: '1', balance: '1', memo: 'test' }),
      expect.objectContaining({ kind: 'grant', amount: '0.5', balance: '1.5' }),
      {
        ...{ book: 'spending', kind: 'charge', reference: callId },
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        ...{ amount: '-0.00105', charge: '0.001', fee: '0.00005', balance: '1.49895' },
      },
    ],
    resume_cursor: expect.any(String),
  })
  const { json: balance } = await world.rest('GET', '/v1/balance', buyer.key)
  expect(balance).toMatchObject({ available: '1.49895', held: '0' })
})

test('a seller reads what came in', async () => {
  const { json } = await read('?book=earnings', { key: seller.key })
  expect(json).toMatchObject({
    opening: { earnings: '0' },
    entries: [{ kind: 'earning', reference: callId, amount: '0.001', balance: '0.001' }],
  })
})

test('pages of one give the same entries, each opening where the one before ended', async () => {
  const all = (await read()).json.entries as Json[]
  const entries: Json[] = []
  for (let query: string | undefined = '?limit=1'; query !== undefined; ) {
    const { json }: { json: Json } = await read(query)
    expect(json.opening).toMatchObject({ spending: entries.at(-1)?.balance ?? '0' })
    entries.push(...(json.entries as Json[]))
    query = json.next_cursor ? `?limit=1&cursor=${json.next_cursor}` : undefined
  }
  expect(entries).toEqual(all)
})

test('from and to are a span, and resume_cursor goes on from the last settled entry', async () => {
  const { json: later } = await read('?from=2999-01-01T00:00:00Z')
  expect(later).toMatchObject({ opening: { spending: '1.49895' }, entries: [] })
  const { json: earlier } = await read('?to=2020-01-01')
  expect(earlier).toMatchObject({ opening: { spending: '0' }, entries: [] })
  const { json } = await read(`?cursor=${(await read()).json.resume_cursor}`)
  expect(json.entries).toEqual((await read()).json.entries)
})

test('resume_cursor of a later page gives the last minute once more, as that of one page', async () => {
  const all = (await read()).json.entries
  let page = await read('?limit=1')
  while (page.json.next_cursor) page = await read(`?limit=1&cursor=${page.json.next_cursor}`)
  const { json } = await read(`?cursor=${page.json.resume_cursor}`)
  expect(json.entries).toEqual(all)
})

describe('a cursor is refused', () => {
  test('when it was made for another account, and shows nothing of either', async () => {
    const { json } = await read('?limit=1')
    const other = await read(`?cursor=${json.next_cursor}`, { key: seller.key })
    expect(other).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    expect(other.text).not.toContain(buyer.id)
  })

  test('when it was made for another book, or changed', async () => {
    const cursor = (await read('?limit=1')).json.next_cursor as string
    for (const query of [`?book=spending&cursor=${cursor}`, `?cursor=x${cursor}`, '?cursor=x']) {
      expect(await read(query)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
    }
  })
})

test.each([
  'from=yesterday',
  'to=2026-02-30',
  'limit=0',
  'limit=201',
  'book=both',
  'format=xml',
  'x=1',
])('the query %s is refused', async (query) => {
  expect(await read(`?${query}`)).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
})

test('a key sees the books that its scopes are for', async () => {
  const shown = async (scopes: string[]) => {
    const { json } = await read('', { key: await aKey(buyer, scopes) })
    return json.opening && Object.keys(json.opening).toSorted()
  }
  expect(await shown(['call'])).toEqual(['spending'])
  expect(await shown(['sell'])).toEqual(['earnings'])
  expect(await shown(['read'])).toEqual(['earnings', 'spending'])
  const caller = await aKey(buyer, ['call'])
  const asked = await read('?book=earnings', { key: caller })
  expect(asked).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } })
  const none = await read('', { key: await aKey(buyer, ['manage']) })
  expect(none).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } })
})

describe('as CSV', () => {
  test('has a line for each entry, and no memo that a spreadsheet would run', async () => {
    const { headers, text } = await read('?format=csv')
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="statement.csv"',
      'cache-control': 'private, no-store',
    })
    const lines = text.split('\r\n')
    expect(lines[0]).toBe('book,kind,reference,at,amount,charge,fee,balance,memo')
    expect(lines[2]).toMatch(/^spending,grant,grant_\w+,[^,]+,0\.5,,,1\.5,"'=1\+1, ""x"""$/)
    expect(lines[3]).toMatch(
      new RegExp(`^spending,charge,${callId},[^,]+,-0.00105,0.001,0.00005,1.49895,$`),
    )
    expect(lines).toHaveLength(5)
  })

  test('comes for Accept: text/csv, too, unless format says json', async () => {
    const accept = 'text/csv'
    expect((await read('', { accept })).text).toBe((await read('?format=csv')).text)
    expect((await read('?format=json', { accept })).json).toHaveProperty('entries')
  })

  test('links to the next page with the same query, and from the last one to none', async () => {
    const { headers } = await read('?limit=2&book=spending', { accept: 'text/csv' })
    const next = /^<(.+)>; rel="next"$/.exec(headers.get('link') ?? '')![1]!
    expect(next.startsWith(`${world.url}/v1/statement?`)).toBe(true)
    const page = await read(new URL(next).search)
    expect(page.text).toContain(callId)
    expect(page.text.split('\r\n')).toHaveLength(3)
    expect(page.headers.get('link')).toBeNull()
  })
})
