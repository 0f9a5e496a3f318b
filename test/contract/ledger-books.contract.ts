/** What a ledger promises about its books: open holds, exact sums, and an audit that sees all. */
import { describe, expect, test } from 'vitest'
import { nanos } from '#core/money'
import type { Audit, Ledger } from '#ledger'
import {
  AT_MS,
  aBuyer,
  captureOf,
  grantOf,
  holdOf,
  type LedgerUnderTest,
  releaseOf,
  unitOf,
  usdc,
} from '../support/ledger-units.js'

export function listsOpenHolds(use: () => Ledger): void {
  test('open holds past a deadline are listed oldest first, closed ones never', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const countBefore = await ledger.openHoldCount()
    // Lives of less than nothing, far enough apart for the clock to go on in between.
    const HOUR_MS = 3_600_000
    const holds = [30, 10, 20, 40].map((hours) =>
      holdOf(account, usdc('0.1'), { deadlineMs: AT_MS - hours * HOUR_MS }),
    )
    for (const hold of holds) await ledger.commit(unitOf(hold))
    await ledger.commit(unitOf(releaseOf(holds[3]!.reference)))
    const oldestFirst = [holds[0]!, holds[2]!, holds[1]!]
    const now = await ledger.now()
    const listed = await ledger.openHolds(now - HOUR_MS, 10)
    expect(listed).toMatchObject(oldestFirst.map(({ reference }) => ({ reference, account })))
    expect(await ledger.openHolds(now - HOUR_MS, 2)).toEqual(listed.slice(0, 2))
    expect(await ledger.openHolds(now - 25 * HOUR_MS, 10)).toEqual(listed.slice(0, 1))
    expect(await ledger.openHoldCount()).toBe(countBefore + 3)
  })
}

export function staysExact(use: () => Ledger): void {
  const BILLION = nanos(10n ** 18n)

  test('a billion USDC is counted to the nano', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, BILLION)
    const hold = holdOf(account, nanos(BILLION - 1n))
    await ledger.commit(unitOf(hold))
    expect(await ledger.balanceOf(account)).toEqual({ available: 1n, held: BILLION - 1n })
    await ledger.commit(unitOf(captureOf(hold.reference, nanos(3n), nanos(4n))))
    expect(await ledger.balanceOf(account)).toEqual({ available: BILLION - 7n, held: 0n })
  })

  test('the audit adds up a turnover that 64 bits do not hold', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, BILLION)
    for (let round = 0; round < 12; round++) {
      const hold = holdOf(account, BILLION)
      await ledger.commit(unitOf(hold))
      await ledger.commit(unitOf(releaseOf(hold.reference)))
    }
    expect((await ledger.audit()).findings).toEqual([])
  })

  test('a balance that would overflow is refused, and stays', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, BILLION)
    const most = nanos(2n ** 63n - 1n)
    await expect(ledger.commit(unitOf(grantOf(account, most)))).rejects.toThrow()
    expect(await ledger.balanceOf(account)).toEqual({ available: BILLION, held: 0n })
  })

  test('the audit names every account with its balance, and sums them to nothing', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('0.00105'))
    const audit: Audit = await ledger.audit()
    expect(audit).toMatchObject({ balanced: true, findings: [] })
    expect(audit.accounts).toContainEqual({
      name: `buyer:${account}:available`,
      balance: '0.00105',
    })
    expect(audit.openHolds).toBe(await ledger.openHoldCount())
  })
}

export function findsTampering(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the audit of a ledger on ${name}`, () => {
    test.each([
      [
        'a balance',
        "update ledger_accounts set balance = balance + 1 where address = 'buyer:acct_a:available'",
        'buyer:acct_a:available',
      ],
      [
        'a posting',
        "update ledger_postings set amount = amount + 1 where kind = 'grant'",
        'platform:grants',
      ],
      [
        'a posting that is gone',
        "delete from ledger_postings where kind = 'hold'",
        'buyer:acct_a:held',
      ],
      ['the amount of a hold', 'update ledger_holds set amount = amount + 1', 'buyer:acct_a:held'],
      ['a hold that is gone', 'delete from ledger_holds', 'buyer:acct_a:held'],
      ['the account of a hold', "update ledger_holds set account = 'acct_b'", 'buyer:acct_b:held'],
    ])('finds out who altered %s', async (_what, statement, address) => {
      const { ledger, store, close } = await open()
      await ledger.commit(unitOf(grantOf('acct_a', usdc('1')), holdOf('acct_a', usdc('0.3'))))
      expect((await ledger.audit()).balanced).toBe(true)
      await store.db.raw(statement)
      const audit = await ledger.audit()
      await close()
      expect(audit.balanced).toBe(false)
      expect(audit.findings.map((finding) => finding.address)).toContain(address)
    })
  })
}
