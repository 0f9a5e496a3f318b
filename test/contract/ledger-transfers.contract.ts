/** What every ledger promises of money that is moved over: between accounts, and from earned to spendable. */
import { expect, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import type { Command, Ledger } from '#ledger'
import {
  aBuyer,
  aReference,
  captureOf,
  holdOf,
  transferOf,
  unitOf,
  usdc,
  verdictOf,
} from '../support/ledger-units.js'

let sellers = 0

/** A seller of its own, that has earned something. */
async function aSeller(ledger: Ledger, earned: Nanos): Promise<string> {
  const seller = `acct_earning_${++sellers}`
  const buyer = await aBuyer(ledger, earned)
  const hold = holdOf(buyer, earned)
  await ledger.commit(unitOf(hold, earnedBy(seller, hold.reference, earned)))
  return seller
}

function earnedBy(seller: string, reference: string, charge: Nanos): Command {
  return { ...captureOf(reference, charge), seller } as Command
}

export function transfersMoney(use: () => Ledger): void {
  test('a transfer moves what one account can spend to another, and no more than there is', async () => {
    const ledger = use()
    const [from, to] = [await aBuyer(ledger, usdc('1')), await aBuyer(ledger, usdc('1'))]
    const moved = await ledger.commit(unitOf(transferOf(from, to, usdc('0.4'))))
    expect(moved).toEqual({ accepted: true, results: [{ available: usdc('1.4') }] })
    expect(await ledger.balanceOf(from)).toEqual({ available: usdc('0.6'), held: 0n })
    const refused = await ledger.commit(unitOf(transferOf(from, to, usdc('0.600000001'))))
    expect(refused).toEqual({
      accepted: false,
      refusal: { reason: 'insufficient', available: usdc('0.6'), needed: usdc('0.600000001') },
    })
  })

  test('what is held cannot be transferred', async () => {
    const ledger = use()
    const from = await aBuyer(ledger, usdc('1'))
    await ledger.commit(unitOf(holdOf(from, usdc('0.7'))))
    const refused = await ledger.commit(unitOf(transferOf(from, 'acct_other', usdc('0.5'))))
    expect(verdictOf(refused)).toBe('insufficient')
  })

  test('what was earned can be made spendable, to the last nano, once', async () => {
    const ledger = use()
    const seller = await aSeller(ledger, usdc('0.3'))
    const earn = (amount: Nanos) => transferOf(seller, seller, amount, { source: 'earnings' })
    expect(verdictOf(await ledger.commit(unitOf(earn(usdc('0.300000001')))))).toBe('insufficient')
    expect(verdictOf(await ledger.commit(unitOf(earn(usdc('0.1')))))).toBe('accepted')
    expect(verdictOf(await ledger.commit(unitOf(earn(usdc('0.2')))))).toBe('accepted')
    expect(verdictOf(await ledger.commit(unitOf(earn(nanos(1n)))))).toBe('insufficient')
    expect(await ledger.balanceOf(seller)).toEqual({ available: usdc('0.3'), held: 0n })
    expect(await ledger.earningsOf(seller)).toEqual({ earned: 0n, leaving: 0n })
  })

  test('what is earned in the same batch can be moved in it, before and after credits are folded', async () => {
    const ledger = use()
    const seller = await aSeller(ledger, usdc('0.2'))
    await ledger.tend()
    const buyer = await aBuyer(ledger, usdc('1'))
    const hold = holdOf(buyer, usdc('0.5'))
    const capture = earnedBy(seller, hold.reference, usdc('0.5'))
    const move = transferOf(seller, seller, usdc('0.6'), { source: 'earnings' })
    const outcomes = await Promise.all(
      [unitOf(hold), unitOf(capture), unitOf(move)].map(ledger.commit),
    )
    expect(outcomes.map(verdictOf)).toEqual(['accepted', 'accepted', 'accepted'])
    await ledger.tend()
    expect((await ledger.earningsOf(seller)).earned).toBe(usdc('0.1'))
    expect((await ledger.balanceOf(seller)).available).toBe(usdc('0.6'))
  })

  test('of 50 transfers at once of what is enough for 10, exactly 10 go through', async () => {
    const ledger = use()
    const seller = await aSeller(ledger, usdc('1'))
    const moves = Array.from({ length: 50 }, () =>
      ledger.commit(unitOf(transferOf(seller, seller, usdc('0.1'), { source: 'earnings' }))),
    )
    const verdicts = (await Promise.all(moves)).map(verdictOf)
    expect(verdicts.filter((verdict) => verdict === 'accepted')).toHaveLength(10)
    expect((await ledger.earningsOf(seller)).earned).toBe(0n)
  })

  test('a transfer is carried out once for one reference', async () => {
    const ledger = use()
    const from = await aBuyer(ledger, usdc('1'))
    const reference = aReference()
    const move = () => ledger.commit(unitOf(transferOf(from, 'acct_b', usdc('0.1'), { reference })))
    expect([verdictOf(await move()), verdictOf(await move())]).toEqual(['accepted', 'repeated'])
    expect((await ledger.balanceOf(from)).available).toBe(usdc('0.9'))
  })
}
