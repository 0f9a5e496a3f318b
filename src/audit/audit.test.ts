import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import type { Reader, Store } from '#store'
import { aPostgresLedger, aStore } from '../../test/support/a-store.js'
import { type Act, type AuditLog, checkAudit, createAudit } from './audit.js'
import { hashOf, headOf } from './chain.js'

const KEY = Buffer.alloc(32, 7)
const BY = { accountId: 'acct_operator', keyId: 'key_1' }

type Opened = { store: Store; close(): Promise<void> }

describe.each<[string, () => Promise<Opened>]>([
  ['SQLite', aStore],
  ['PostgreSQL', () => aPostgresLedger()],
])('the audit on %s', (_, open) => {
  let opened: Opened
  let audit: AuditLog
  const gateway = () => createAudit({ store: opened.store, clock: handClock(), key: KEY })
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(() => opened.close())
  beforeEach(() => {
    audit = gateway()
  })
  afterEach(async () => {
    const { db } = opened.store
    await db('audit_entries').delete()
    await db('audit_waiting').delete()
    await db('settings').where('name', 'like', 'audit_%').delete()
  })

  const note = (act: Act, by = audit) => opened.store.inTransaction((tx) => by.record(tx, act))

  const check = () => {
    const all: Reader['all'] = (sql, values = []) => opened.store.query(sql, values)
    const reader = { all, atOneMoment: (read: () => unknown) => read() } as unknown as Reader
    return checkAudit({ reader, key: KEY, progress: () => {} })
  }
  const faults = async () => (await check()).first.map(({ what }) => what)

  async function aChain(length = 5): Promise<void> {
    for (let at = 1; at <= length; at++) {
      await note({ act: 'key.create', by: BY, target: `key_${at}`, facts: { at } })
    }
  }

  test('lists what was done, by whom, on what, in its order', async () => {
    await aChain(3)
    await note({ act: 'flag.clear', by: { personId: 'person_1' }, target: 'flag_1' })
    const entries = await audit.list({ after: 1, limit: 2 })
    expect(entries.map(({ seq, act, target }) => [seq, act, target])).toEqual([
      [2, 'key.create', 'key_2'],
      [3, 'key.create', 'key_3'],
    ])
    expect(entries[0]).toMatchObject({
      by: { account_id: 'acct_operator', key_id: 'key_1' },
      facts: { at: 2 },
    })
    expect(entries[1]!.prev).toBe(entries[0]!.hash)
    const [last] = await audit.list({ after: 3, limit: 9 })
    expect(last).toMatchObject({ by: { account_id: null, person_id: 'person_1' } })
    expect(await check()).toMatchObject({ checked: '4 acts', count: 0 })
  })

  test('holds nothing of an act whose transaction was undone', async () => {
    await aChain(1)
    const undone = opened.store.inTransaction(async (tx) => {
      await audit.record(tx, { act: 'limits.set', by: BY, target: 'acct_1' })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await aChain(1)
    expect((await audit.list({ after: 0, limit: 9 })).map(({ seq }) => seq)).toEqual([1, 2])
    expect((await check()).count).toBe(0)
  })

  describe('of acts on money', () => {
    const grant = (target: string): Act => ({ act: 'grant.create', by: BY, target })
    /** What the ledger does in the transaction of the move. */
    const hold = async (act: Act) => {
      const { write, values } = audit.waiting(act)
      await opened.store.db.raw(write.one, values as string[])
    }
    const targets = async () => (await audit.list({ after: 0, limit: 99 })).map((one) => one.target)

    test('takes in each one once, whoever does it at the same time', async () => {
      await hold(grant('grant_1'))
      await hold(grant('grant_2'))
      expect((await check()).checked).toBe('0 acts, 2 to be taken in')
      const others = [gateway(), gateway()]
      await Promise.all(
        [audit, ...others].flatMap((one) => [one.takeIn('grant_2'), one.takeInAll()]),
      )
      expect((await targets()).sort()).toEqual(['grant_1', 'grant_2'])
      expect(await check()).toMatchObject({ checked: '2 acts', count: 0 })
    })

    test('keeps who did it, with which facts, and when', async () => {
      await hold({ ...grant('grant_1'), facts: { amount: '0.5' } })
      await gateway().takeInAll()
      const [entry] = await audit.list({ after: 0, limit: 1 })
      expect(entry).toMatchObject({ act: 'grant.create', facts: { amount: '0.5' } })
      expect(entry!.by).toEqual({ account_id: BY.accountId, key_id: BY.keyId })
    })
  })

  test('keeps the beginning of facts that are too long', async () => {
    const facts = { text: '\u{1F511}'.repeat(9_999) }
    await note({ act: 'gateway.update', by: BY, target: 'gw_1', facts })
    const [entry] = await audit.list({ after: 0, limit: 1 })
    expect((entry!.facts.beginning as string).length).toBe(4_096)
    expect((await check()).count).toBe(0)
  })

  test('is one chain, however many gateways append to it at once', async () => {
    const gateways = [audit, gateway(), gateway()]
    const acts = Array.from({ length: 30 }, (__, at) =>
      note({ act: 'key.rotate', by: BY, target: `key_${at}` }, gateways[at % 3]),
    )
    await Promise.all(acts)
    const entries = await audit.list({ after: 0, limit: 100 })
    expect(entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (__, at) => at + 1))
    expect((await check()).count).toBe(0)
  })

  test('that nothing was written to yet is well', async () => {
    expect(await check()).toMatchObject({ checked: '0 acts', count: 0 })
  })

  test.each<[string, string, RegExp]>([
    [
      'altered an entry',
      "update audit_entries set target = 'key_x' where seq = 3",
      /3 was altered/,
    ],
    ['altered its facts', "update audit_entries set facts = '{}' where seq = 3", /3 was altered/],
    ['removed an entry', 'delete from audit_entries where seq = 3', /4 follows 2: one is missing/],
    ['cut off the end', 'delete from audit_entries where seq > 3', /end before 5/],
    ['removed everything', 'delete from audit_entries', /end before 5/],
    ['removed the head', "delete from settings where name = 'audit_head'", /head .* is missing/],
    [
      'wrote a head',
      "update settings set value = '3 a b' where name = 'audit_head'",
      /not written/,
    ],
  ])('finds out who %s', async (_what, statement, expected) => {
    await aChain()
    await opened.store.db.raw(statement)
    expect((await faults()).join('\n')).toMatch(expected)
  })

  test('finds out who inserted an entry', async () => {
    await aChain(4)
    const { db } = opened.store
    const last = await db('audit_entries').where({ seq: 4 }).first()
    const forged = { ...last, seq: 5, act: 'grant.create', prev: last.hash }
    await db('audit_entries').insert({ ...forged, hash: hashOf(forged) })
    expect(await faults()).toEqual(['there are entries behind 4, which is the last'])
  })

  test('finds out who wrote the whole chain anew, without the key or with another', async () => {
    await aChain(3)
    const { db } = opened.store
    let prev = '0'.repeat(64)
    for (const row of await db('audit_entries').orderBy('seq')) {
      const anew = { ...row, target: 'key_other', prev }
      prev = hashOf(anew)
      await db('audit_entries')
        .where({ seq: row.seq })
        .update({ ...anew, hash: prev })
    }
    expect(await faults()).toEqual(['the entry 3 is not the one that was last'])
    const value = headOf(Buffer.alloc(32, 8), 3, prev)
    await db('settings').where({ name: 'audit_head' }).update({ value })
    expect(await faults()).toEqual(['the head of the chain was not written by this gateway'])
  })

  test.each([
    ['with the count as it was', ''],
    ['with the count set back', "update settings set value = '3' where name = 'audit_count'"],
  ])('finds a cut for good, whatever is appended behind it: %s', async (_what, statement) => {
    await aChain()
    await opened.store.db('audit_entries').where('seq', '>', 3).delete()
    if (statement !== '') await opened.store.db.raw(statement)
    await aChain(2)
    expect((await faults()).length).toBeGreaterThan(0)
  })
})
