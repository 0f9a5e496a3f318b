/** The record of what was done to run a market: who did it, once, and nothing of what was not done. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { doctorCommand } from '../../src/doctor-command.js'
import { aWorld, type Json, UPSTREAM_SECRET, type World } from '../support/world.js'

let world: World

beforeAll(async () => {
  world = await aWorld()
})

afterAll(() => world.close())

/** The answer to a request that must go well. */
async function ask(method: string, path: string, key: string, body?: unknown): Promise<Json> {
  const { status, json, text } = await world.rest(method, path, key, body)
  expect(status, `${method} ${path}: ${text}`).toBeLessThan(300)
  return json
}

const operator = (method: string, path: string, body?: unknown) =>
  ask(method, path, world.operatorKey, body)

const doctor = async () => {
  const lines: string[] = []
  await doctorCommand(world.started.gateway.config, [], (line) => lines.push(line))
  return lines
}

async function all(): Promise<Json[]> {
  const entries: Json[] = []
  for (let after = 0, isMore = true; isMore; after = entries.length) {
    const page = await operator('GET', `/v1/operator/audit?after=${after}&limit=200`)
    entries.push(...(page.entries as Json[]))
    isMore = (page.entries as Json[]).length === 200
  }
  return entries
}

test('names each act with who did it, and no secret', async () => {
  const company = await world.account('Audited', '1')
  const team = await ask('POST', '/v1/sub-accounts', company.key, { name: 'Team' })
  await operator('POST', `/v1/accounts/${company.id}/suspend`, { reason: 'look here' })
  await operator('POST', `/v1/accounts/${company.id}/resume`, {})
  await operator('POST', '/v1/invites', { credit: '1' })
  const { id } = await ask('POST', '/v1/keys', company.key, { name: 'key', scopes: ['call'] })
  await ask('POST', `/v1/keys/${id}/rotate`, company.key)
  await world.listing(company)
  const entries = await all()
  const of = (target: string) =>
    entries.filter((entry) => entry.target === target).map(({ act }) => act)
  expect(of(company.id)).toEqual(['account.create', 'account.suspend', 'account.resume'])
  expect(of(String(team.id))).toEqual(['sub_account.create'])
  expect(of(String(id))).toEqual(['key.create', 'key.rotate'])
  const made = entries.find(({ target }) => target === team.id)!
  expect(made.by).toMatchObject({ account_id: company.id })
  const text = JSON.stringify(entries)
  expect(text).toContain('look here')
  expect(text).toContain('invite.create')
  expect(text).toContain('listing.publish')
  expect(text).not.toMatch(/souk_(test|live)_|inv_[0-9a-f]{40}/)
  expect(text).not.toContain(UPSTREAM_SECRET)
})

test('has each move of money once, whatever is repeated, refused or done at once', async () => {
  const company = await world.account('Mover', '1')
  const team = await ask('POST', '/v1/sub-accounts', company.key, {
    ...{ name: 'Team', balance: 'own' },
  })
  const move = (amount: string) =>
    world.rest('POST', `/v1/sub-accounts/${team.id}/transfers`, company.key, {
      ...{ amount, idempotency_key: `of ${amount}` },
    })
  const moves = await Promise.all(['0.25', '0.25', '0.5', '7'].map(move))
  expect(moves.map(({ status }) => status).sort()).toEqual([201, 201, 201, 402])
  const ids = new Set(moves.flatMap(({ json }) => (json.id === undefined ? [] : [json.id])))
  const of = (await all()).filter(({ act, by }) => {
    return act === 'transfer.create' && (by as Json).account_id === company.id
  })
  expect(new Set(of.map(({ target }) => target))).toEqual(ids)
  expect(of.map(({ facts }) => (facts as Json).amount).sort()).toEqual(['0.25', '0.5'])
})

test('has what sellers change, and nothing of what stays as it was', async () => {
  const maker = await world.account('Maker')
  const tool = (description: string) =>
    ask('POST', '/v1/mcp/tools', maker.key, {
      ...{ name: 'sum', description, input_schema: { type: 'object' } },
      handler_url: `${world.upstream.baseUrl}/sum`,
    })
  const { id } = await tool('Adds.')
  await tool('Adds.')
  await tool('Adds up.')
  await world.rest('DELETE', `/v1/mcp/tools/${id}`, maker.key)
  await tool('Adds up.')
  await ask('POST', '/v1/mcp/signing-secret/rotate', maker.key)
  const paths = { '/tea': { get: { responses: {} } } }
  const document = { openapi: '3.1.0', info: { title: 'Teas', version: '1' }, paths }
  const servers = [{ url: world.upstream.baseUrl }]
  const price = { model: 'free', daily_cap: 9 }
  const teas = { slug: 'teas', document: { ...document, servers }, price }
  const imported = await ask('POST', '/v1/listings/import', maker.key, teas)
  await ask('POST', '/v1/listings/import', maker.key, teas)
  const own = (await all()).filter(({ by }) => (by as Json).account_id === maker.id)
  expect(own.map(({ act, target, facts }) => [act, target, facts])).toEqual([
    ['tool.create', id, { name: 'sum', version: 1 }],
    ['tool.create', id, { name: 'sum', version: 2 }],
    ['tool.retire', id, {}],
    ['tool.create', id, { name: 'sum', version: 3 }],
    ['signing_secret.rotate', maker.id, {}],
    ['listing.import', imported.id, { slug: 'teas', is_new: true }],
  ])
})

test('passes the doctor, which finds out who altered it', async () => {
  expect(await doctor()).toContainEqual(expect.stringMatching(/^ok {2}audit: \d+ acts$/))
  const { db } = world.started.gateway.deps.store
  const victim = await db('audit_entries').where({ act: 'account.suspend' }).first()
  await db('audit_entries').where({ seq: victim.seq }).update({ facts: '{}' })
  expect(await doctor()).toContainEqual(expect.stringMatching(/^BAD audit: .* was altered/))
  await db('audit_entries').where({ seq: victim.seq }).update({ facts: victim.facts })
  expect(await doctor()).toContainEqual(expect.stringMatching(/^ok {2}audit/))
})
