import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { aCopyOf, type Copy, settingsOf } from '../test/support/a-copy.js'
import { aPostgresUrl } from '../test/support/a-postgres.js'
import { answerJson, aWorld, type Party, type World } from '../test/support/world.js'
import { ConfigFault, readConfig } from './config.js'
import { doctorCommand } from './doctor-command.js'

const onServer = inject('database') === 'postgres'
let world: World
let [anna, ben]: Party[] = []
let endpointId: string
beforeAll(async () => {
  world = await aWorld()
  anna = await world.account('Anna', '1')
  ben = await world.account('Ben', '1')
  const seller = await world.account('Seller')
  endpointId = (await world.listing(seller, { slug: 'wiki' })).endpointId
  await world.rest('POST', '/v1/mcp/tools', seller.key, {
    name: 'find',
    description: 'Finds articles.',
    input_schema: { type: 'object' },
    handler_url: world.upstream.baseUrl,
    handler_auth: 'Bearer secret-of-the-handler',
  })
})
afterAll(() => world.close())

async function buy(buyer: Party): Promise<void> {
  const order = { endpoint_id: endpointId, arguments: { space: 'main', q: 'tea' } }
  await world.rest('POST', '/v1/calls', buyer.key, order)
}

const configOf = (settings: Record<string, string>) =>
  readConfig(settings, join(tmpdir(), 'none.yaml'))

async function examine(settings: Record<string, string>) {
  const lines: string[] = []
  const config = configOf(settings)
  const code = await doctorCommand(config, [], (line) => lines.push(line))
  return { code, lines }
}

test('all is well beside a running gateway, also while a call is open', async () => {
  for (const buyer of [anna!, ben!, anna!]) await buy(buyer)
  world.upstream.answerWith(answerJson(500, { sorry: true }))
  await buy(ben!)
  let answerOpenCall = () => {}
  const arrived = new Promise<void>((resolve) => {
    world.upstream.answerWith((req, res, body) => {
      answerOpenCall = () => answerJson(200, { found: body })(req, res)
      resolve()
    })
  })
  const open = buy(anna!)
  await arrived
  const { code, lines } = await examine(settingsOf(world))
  answerOpenCall()
  await open
  const running = /^ok {2}server: PostgreSQL \d+\S*, 1 gateways running, 0 free seats$/
  const credits = onServer ? String.raw`, 0(\.\d+)? to be added up` : ''
  expect(lines.filter(isNoProgress)).toEqual([
    ...(onServer ? [expect.stringMatching(running)] : []),
    expect.stringMatching(`^ok  ledger: balanced, \\d+ accounts, 1 open holds${credits}$`),
    'ok  receipts: 4 receipts in 2 chains, 1 keys',
    'ok  calls: 5 calls, 1 of them open',
    expect.stringMatching(/^ok {2}catalogue: \d+ listings, \d+ versions of endpoints$/),
    expect.stringMatching(/^ok {2}audit: \d+ acts$/),
  ])
  expect(code).toBe(0)
})

/** What is done to a database that is well, and the lines that then say BAD. */
const faults: Record<string, [sql: () => string, named: () => RegExp[]]> = {
  'a deleted receipt': [
    () => `delete from receipts where buyer_id = '${anna!.id}' and seq = 2`,
    () => [
      new RegExp(`^BAD receipts: ${anna!.id} chain \\w+ seq 2 is missing: restore the database `),
      new RegExp(`^BAD calls: call_\\w+ of ${anna!.id} has lost its receipt rcpt_\\w+: restore `),
    ],
  ],
  'a deleted last receipt': [
    () => `delete from receipts where buyer_id = '${anna!.id}' and seq = 3`,
    () => [/^BAD calls: call_\w+ of acct_\w+ has lost its receipt rcpt_\w+: /],
  ],
  'a receipt with another text': [
    () => `update receipts set jws = substr(jws, 1, length(jws) - 9) || 'AAAAAAAAA'
      where buyer_id = '${ben!.id}' and seq = 1`,
    () => [new RegExp(`^BAD receipts: ${ben!.id} chain \\w+ seq 1: its text was changed after `)],
  ],
  'a receipt in the place of another': [
    () => `update receipts set seq = 9 where buyer_id = '${anna!.id}' and seq = 3`,
    () => [/ seq 3 to 8 are missing: /, / seq 9: its column seq is not what was signed: /],
  ],
  'a changed balance': [
    () => `update ledger_accounts set balance = balance + 1
      where address = 'buyer:${ben!.id}:available'`,
    () => [
      new RegExp(
        `^BAD ledger: buyer:${ben!.id}:available has 0\\.998950001 stored and 0\\.99895 in its postings `,
      ),
    ],
  ],
  'a changed charge of a call': [
    () => `update calls set charge = charge * 2 where buyer_id = '${ben!.id}' and charge > 0`,
    () => [
      /^BAD calls: call_\w+ of acct_\w+ has charge 0\.002, its receipt says 0\.001: the receipt is /,
      /^BAD calls: call_\w+ of acct_\w+ should have the postings capture 0\.002 to seller:\w+:earned, .*, the ledger has capture 0\.001 /,
    ],
  ],
  'a deleted call': [
    () => `delete from calls where buyer_id = '${ben!.id}' and charge > 0`,
    () => [
      /^BAD calls: the ledger moved money of acct_\w+ for call_\w+, no such call: /,
      /^BAD calls: acct_\w+ has 1 receipts more than calls: /,
    ],
  ],
  'a hold without a call': [
    () => `insert into ledger_holds values ('call_none', '${ben!.id}', 5, 0, '[]')`,
    () => [
      /^BAD ledger: buyer:acct_\w+:held has 0 stored and 0 in its postings \(what is held is not /,
      /^BAD calls: the hold call_none of 0\.000000005 by acct_\w+ has no call: no start gets past /,
    ],
  ],
  'an open call without a hold': [
    () => `update calls set outcome = 'held', receipt_id = null, charge = 0, fee = 0
      where id in (select id from calls where buyer_id = '${ben!.id}' and charge = 0)`,
    () => [
      / is open, but has no hold, so it can never end: /,
      / should have the postings hold .* to buyer:acct_\w+:held, the ledger has hold .*, release /,
      / has 1 receipts more than calls: /,
    ],
  ],
  'a secret of a handler that does not open': [
    () => 'update handler_credentials set sealed = substr(sealed, 2)',
    () => [
      /^BAD catalogue: the secret of the handler of seller-\S+-find.find at http:\S+ does not/,
    ],
  ],
  'a credential that does not open': [
    () =>
      `update listings set credential_sealed = substr(credential_sealed, 2) where slug = 'wiki'`,
    () => [
      /^BAD catalogue: the credential of the listing wiki \(lst_\w+\) does not open under the master /,
    ],
  ],
  'a version that was changed': [
    () => `update endpoint_versions set definition = replace(replace(definition,
      '"type":"string"', '"type":"nonsense"'), '"amount":"0.001"', '"amount":"-1"')
      where endpoint_id = '${endpointId}'`,
    () => [
      /^BAD catalogue: wiki\.search version 1 has no price that can be charged: /,
      /^BAD catalogue: the input schema of wiki\.search version 1 does not compile: /,
    ],
  ],
  'a listing that search does not know of': [
    () => `update endpoints set status = 'retired' where endpoint_id = '${endpointId}'`,
    () => [/^BAD catalogue: search finds wiki\.search, not for sale: stop the gateway, delete /],
  ],
  'a signing key that does not open': [
    () => 'update signing_keys set sealed_private_key = substr(sealed_private_key, 2)',
    () => [/^BAD receipts: the private key \S+ does not open under the master key: /],
  ],
  'more of one kind than anyone reads': [
    () => `with recursive n (i) as (select 1 union all select i + 1 from n where i < 30)
      insert into ledger_holds select 'call_' || i, '${ben!.id}', 0, 0, '[]' from n`,
    () => [...Array.from({ length: 20 }, () => /no call/), /^BAD calls: and 10 more$/],
  ],
}

/** What only a server can have. */
const faultsOnServer: typeof faults = {
  'a credit that nobody paid': [
    () => `insert into ledger_credits (account_id, amount)
      select id, 7 from ledger_accounts where address = 'platform:fees'`,
    () => [
      /^BAD ledger: platform:fees has 0\.\d+7 stored and 0\.\d+ in its postings \(the stored balance /,
    ],
  ],
  'a lease that lasts for years': [
    () => "update leases set until_at = 4102444800000 where name like 'chain/%'",
    () => [/^BAD server: the lease chain\/\w+ lasts until 2100-01-01T00:00:00\.000Z, by a clock /],
  ],
}

const allFaults = Object.entries({ ...faults, ...(onServer && faultsOnServer) })
test.each(allFaults)('%s is named', async (_what, [sql, named]) => {
  const copy = await aCopy()
  expect(await copy.change(sql())).toBeGreaterThan(0)
  const { code, lines } = await examine(copy.settings)
  expect(lines.filter((line) => !line.startsWith('ok ')).filter(isNoProgress)).toEqual(
    named().map((pattern) => expect.stringMatching(pattern)),
  )
  expect(code).toBe(1)
})

test('a check that cannot go on is named, and the others are made', async () => {
  const copy = await aCopy()
  await copy.change('drop table receipts')
  const { lines } = await examine(copy.settings)
  expect(lines.filter(isNoProgress).filter((line) => !line.includes(' server: '))).toEqual([
    expect.stringMatching(/^ok {2}ledger: /),
    expect.stringMatching(
      /^BAD receipts: the check cannot go on \(.*receipts.*\): stop the gateway /,
    ),
    expect.stringMatching(/^BAD calls: the check cannot go on \(/),
    expect.stringMatching(/^ok {2}catalogue: /),
    expect.stringMatching(/^ok {2}audit: /),
  ])
})

test('a copy without a fault is well, the search index to be made at the next start', async () => {
  const { dataDir, settings } = await aCopy()
  rmSync(join(dataDir, 'search.index'), { force: true })
  expect(await examine(settings)).toMatchObject({ code: 0 })
})

test('an index that lags is none: the next start puts what it lacks', async () => {
  const copy = await aCopy()
  await copy.change("update settings set value = '99999' where name = 'catalogue_revision'")
  expect(await examine(copy.settings)).toMatchObject({ code: 0 })
})

test('an index that is ahead, or damaged, is a fault', async () => {
  const copy = await aCopy()
  await copy.change("update settings set value = '1' where name = 'catalogue_revision'")
  const faultIn = async () =>
    (await examine(copy.settings)).lines.filter((line) => line.startsWith('BAD'))
  expect(await faultIn()).toEqual([
    expect.stringMatching(/^BAD catalogue: the search index is ahead of the catalogue: stop /),
  ])
  writeFileSync(join(copy.dataDir, 'search.index'), 'This is no index.')
  expect(await faultIn()).toEqual([
    expect.stringMatching(/^BAD catalogue: the search index cannot be read: stop /),
  ])
})

test('what is told meanwhile is told once a second', async () => {
  const lines: string[] = []
  let nowMs = 0
  const slow = { now: () => (nowMs += 600) }
  const config = configOf((await aCopy()).settings)
  expect(await doctorCommand(config, [], (line) => lines.push(line), slow)).toBe(0)
  expect(lines.filter((line) => line.startsWith('.. '))).toContain('..  calls: 10 rows read')
})

const refusal = (reason: string) =>
  expect.objectContaining({ faults: [expect.stringMatching(reason)] })

test('without its master key there is nothing to say', async () => {
  const { dataDir, settings } = await aCopy()
  const foreign = Buffer.alloc(32, 1).toString('base64')
  await expect(examine({ ...settings, SOUK_MASTER_KEY: foreign })).rejects.toEqual(
    refusal('^SOUK_MASTER_KEY: it is not the key that this database was sealed with$'),
  )
  rmSync(join(dataDir, 'master.key'))
  await expect(examine(settings)).rejects.toEqual(refusal('^SOUK_MASTER_KEY: it is not set, '))
  const usage = doctorCommand(configOf(settings), ['--mend'], () => {})
  await expect(usage).rejects.toThrow(new ConfigFault(['usage: souk doctor']))
})

const OF_ANOTHER_VERSION = 'its tables are not those of this version'

test.runIf(!onServer)('without its file there is nothing to say', async () => {
  const { dataDir, settings } = await aCopy()
  writeFileSync(join(dataDir, 'souk.db'), '')
  await expect(examine(settings)).rejects.toEqual(refusal(OF_ANOTHER_VERSION))
  rmSync(join(dataDir, 'souk.db'))
  await expect(examine(settings)).rejects.toEqual(refusal('^SOUK_DATA_DIR: there is no database '))
})

test.runIf(onServer)('without its server there is nothing to say', async () => {
  const { settings } = await aCopy()
  const empty = await aPostgresUrl()
  onTestFinished(empty.drop)
  await expect(examine({ ...settings, DATABASE_URL: empty.url })).rejects.toEqual(
    refusal(OF_ANOTHER_VERSION),
  )
  const nobody = 'postgres://souk:secret-4711@127.0.0.1:1/souk'
  await expect(examine({ ...settings, DATABASE_URL: nobody })).rejects.toEqual(
    refusal('^DATABASE_URL: the database cannot be read \\((?!.*secret-4711).*ECONNREFUSED'),
  )
})

/** A slow machine is told how far the doctor has come. */
const isNoProgress = (line: string) => !line.startsWith('.. ')

let stopped: Promise<void> | undefined

/** What the stopped gateway left, in a place of its own; it goes with the test. */
async function aCopy(): Promise<Copy> {
  stopped ??= world.stop()
  await stopped
  const copy = await aCopyOf(world)
  onTestFinished(copy.remove)
  return copy
}
