/** What every ledger promises, whatever database it stands on. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import type { Ledger } from '#ledger'
import {
  aBuyer,
  captureOf,
  grantOf,
  holdOf,
  type LedgerUnderTest,
  releaseOf,
  SELLER,
  transferOf,
  unitOf,
  usdc,
  verdictOf,
} from '../support/ledger-units.js'
import { listsOpenHolds, staysExact } from './ledger-books.contract.js'
import { transfersMoney } from './ledger-transfers.contract.js'
import { keepsUnitsApart, recordsInOrder, settlesCounters } from './ledger-units.contract.js'

const NOTHING = nanos(0n)

export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger on ${name}`, () => {
    let opened: LedgerUnderTest
    let ledger: Ledger
    beforeAll(async () => {
      opened = await open()
      ledger = opened.ledger
    })
    afterAll(async () => {
      const audit = await ledger.audit()
      await opened.close()
      expect(audit.findings).toEqual([])
    })

    movesMoney(() => ledger)
    transfersMoney(() => ledger)
    endsAHoldOnce(() => ledger)
    repeatsNothing(() => ledger)
    keepsUnitsApart(() => opened)
    recordsInOrder(() => opened)
    settlesCounters(() => ledger)
    listsOpenHolds(() => ledger)
    staysExact(() => ledger)
  })
}

async function aHold(ledger: Ledger, credit: Nanos, amount: Nanos) {
  const account = await aBuyer(ledger, credit)
  const hold = holdOf(account, amount)
  expect(await ledger.commit(unitOf(hold))).toMatchObject({ accepted: true })
  return { account, reference: hold.reference }
}

function movesMoney(use: () => Ledger): void {
  test('a grant can be spent, and the ledger says how much there is', async () => {
    const ledger = use()
    const granted = await ledger.commit(unitOf(grantOf('acct_new', usdc('5'))))
    expect(granted).toEqual({ accepted: true, results: [{ available: usdc('5') }] })
    expect(await ledger.balanceOf('acct_new')).toEqual({ available: usdc('5'), held: 0n })
  })

  test('an account that nobody paid into has nothing', async () => {
    expect(await use().balanceOf('acct_nobody')).toEqual({ available: 0n, held: 0n })
    expect(await use().earningsOf('acct_nobody')).toEqual({ earned: 0n, leaving: 0n })
  })

  test('a hold sets money aside; a capture pays seller and platform and gives the rest back', async () => {
    const ledger = use()
    const before = await ledger.earningsOf(SELLER)
    const { account, reference } = await aHold(ledger, usdc('1'), usdc('0.5'))
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('0.5'), held: usdc('0.5') })
    const captured = await ledger.commit(unitOf(captureOf(reference, usdc('0.2'), usdc('0.01'))))
    expect(captured).toEqual({ accepted: true, results: [{ available: usdc('0.79') }] })
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('0.79'), held: 0n })
    const { earned } = await ledger.earningsOf(SELLER)
    expect(earned - before.earned).toBe(usdc('0.2'))
  })

  test('a release gives the whole hold back', async () => {
    const ledger = use()
    const { account, reference } = await aHold(ledger, usdc('1'), usdc('0.5'))
    const released = await ledger.commit(unitOf(releaseOf(reference)))
    expect(released).toEqual({ accepted: true, results: [{ available: usdc('1') }] })
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('1'), held: 0n })
  })

  test('a hold of nothing can be captured for nothing by a buyer without money', async () => {
    const ledger = use()
    const hold = holdOf('acct_poor', NOTHING)
    const outcomes = [
      await ledger.commit(unitOf(hold)),
      await ledger.commit(unitOf(captureOf(hold.reference, NOTHING))),
      await ledger.commit(unitOf(captureOf(hold.reference, NOTHING))),
    ]
    expect(outcomes.map(verdictOf)).toEqual(['accepted', 'accepted', 'not-held'])
  })

  test('a hold above what is available is refused, and says what there is and what it takes', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const refused = await ledger.commit(unitOf(holdOf(account, usdc('1.000000001'))))
    expect(refused).toEqual({
      accepted: false,
      refusal: { reason: 'insufficient', available: usdc('1'), needed: usdc('1.000000001') },
    })
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('1'), held: 0n })
  })

  test('what is held cannot be held again', async () => {
    const ledger = use()
    const { account } = await aHold(ledger, usdc('1'), usdc('0.7'))
    const second = await ledger.commit(unitOf(holdOf(account, usdc('0.7'))))
    expect(verdictOf(second)).toBe('insufficient')
  })

  test('200 holds at once on funds for 10 give exactly 10', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const holds = Array.from({ length: 200 }, () =>
      ledger.commit(unitOf(holdOf(account, usdc('0.1')))),
    )
    const verdicts = (await Promise.all(holds)).map(verdictOf)
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(10)
    expect(await ledger.balanceOf(account)).toEqual({ available: 0n, held: usdc('1') })
  })

  test('a refused large hold never takes a later small one down', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const amounts = ['0.6', '5', '0.3', '0.2', '0.1', '0.000000001']
    const together = amounts.map((amount) => ledger.commit(unitOf(holdOf(account, usdc(amount)))))
    expect((await Promise.all(together)).map(verdictOf)).toEqual([
      'accepted',
      'insufficient',
      'accepted',
      'insufficient',
      'accepted',
      'insufficient',
    ])
  })
}

function endsAHoldOnce(use: () => Ledger): void {
  test('of captures and releases that arrive at once, the first wins and the others learn which', async () => {
    const ledger = use()
    const { account, reference } = await aHold(ledger, usdc('1'), usdc('1'))
    const [captured, released, again] = await Promise.all([
      ledger.commit(unitOf(captureOf(reference, usdc('0.4')))),
      ledger.commit(unitOf(releaseOf(reference))),
      ledger.commit(unitOf(captureOf(reference, usdc('0.4')))),
    ])
    expect(verdictOf(captured)).toBe('accepted')
    const taken = { accepted: false, refusal: { reason: 'not-held', state: 'captured' } }
    expect([released, again]).toEqual([taken, taken])
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('0.6'), held: 0n })
  })

  test('a released hold can never be captured', async () => {
    const ledger = use()
    const { reference } = await aHold(ledger, usdc('1'), usdc('1'))
    await ledger.commit(unitOf(releaseOf(reference)))
    expect(await ledger.commit(unitOf(captureOf(reference, usdc('0.4'))))).toEqual({
      accepted: false,
      refusal: { reason: 'not-held', state: 'released' },
    })
  })

  test('what was never held can be neither captured nor released', async () => {
    const unknown = { accepted: false, refusal: { reason: 'not-held', state: 'unknown' } }
    expect(await use().commit(unitOf(captureOf('ref_never', usdc('1'))))).toEqual(unknown)
    expect(await use().commit(unitOf(releaseOf('ref_never')))).toEqual(unknown)
  })

  test('a capture above its hold is an error, and the hold stays open', async () => {
    const ledger = use()
    const { account, reference } = await aHold(ledger, usdc('2'), usdc('1'))
    const above = captureOf(reference, usdc('1'), nanos(1n))
    await expect(ledger.commit(unitOf(above))).rejects.toThrow('never larger than its hold')
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('1'), held: usdc('1') })
    expect(verdictOf(await ledger.commit(unitOf(releaseOf(reference))))).toBe('accepted')
  })

  test('a negative amount is an error, whichever command carries it', async () => {
    const ledger = use()
    const { account, reference } = await aHold(ledger, usdc('2'), usdc('1'))
    const other = holdOf(account, usdc('0.5'))
    await ledger.commit(unitOf(other))
    for (const command of [
      grantOf(account, nanos(-1n)),
      holdOf(account, nanos(-1n)),
      captureOf(reference, nanos(-1n)),
      captureOf(reference, usdc('1'), nanos(-1n)),
      transferOf(account, SELLER, nanos(-1n)),
    ]) {
      await expect(ledger.commit(unitOf(command)), command.kind).rejects.toThrow()
    }
    expect(await ledger.balanceOf(account)).toEqual({ available: usdc('0.5'), held: usdc('1.5') })
  })
}

function repeatsNothing(use: () => Ledger): void {
  test('a command with a kind and reference that were applied before changes nothing', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const grant = grantOf(account, usdc('2'))
    const hold = holdOf(account, usdc('0.5'))
    await ledger.commit(unitOf(grant, hold))
    const before = await ledger.balanceOf(account)
    const repeats = await Promise.all([
      ledger.commit(unitOf(grant)),
      ledger.commit(unitOf(hold)),
      ledger.commit(unitOf({ ...grant, amount: usdc('1') } as typeof grant)),
      ledger.commit(unitOf({ ...hold, amount: usdc('0.1') })),
    ])
    expect(repeats.map(verdictOf)).toEqual(Array(4).fill('repeated'))
    expect(await ledger.balanceOf(account)).toEqual(before)
  })

  test('a hold cannot be taken again after its release', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const hold = holdOf(account, usdc('0.5'))
    await ledger.commit(unitOf(hold))
    await ledger.commit(unitOf(releaseOf(hold.reference)))
    expect(verdictOf(await ledger.commit(unitOf(hold)))).toBe('repeated')
  })

  test('two commands with one kind and reference in one flush: the second is the repeat', async () => {
    const ledger = use()
    const account = await aBuyer(ledger, usdc('1'))
    const hold = holdOf(account, usdc('0.5'))
    const both = await Promise.all([ledger.commit(unitOf(hold)), ledger.commit(unitOf(hold))])
    expect(both.map(verdictOf)).toEqual(['accepted', 'repeated'])
  })
}
