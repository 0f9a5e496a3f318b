import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anAccount, aPrincipal } from '../../test/support/an-offer.js'
import type { Principal } from './accounts.js'
import { type Allow, allowedListings, isNarrower, mayUse, type Thing } from './allowance.js'

const WIKI: Thing = { listing: 'wiki', ownerId: 'acct_seller' }
const FILES: Thing = { listing: 'files-tools', server: 'files', ownerId: 'acct_operator' }

/** A key with lists: of the account above, of the account, and of the key and its ancestors. */
function withLists(above: Allow | undefined, own: Allow, ...keys: Allow[]): Principal {
  const plain = aPrincipal(...keys.map(() => ({})))
  return {
    ...plain,
    account: anAccount({ allow: own }),
    parent: above && anAccount({ id: 'acct_above', allow: above }),
    lineage: plain.lineage.map((one, at) => ({ ...one, allow: keys[at] ?? {} })),
  }
}

describe('without a list everything may be used', () => {
  test.each([undefined, aPrincipal(), withLists({}, {}, {}, {})])('by %#', (principal) => {
    expect(mayUse(principal, WIKI)).toBe(true)
    expect(mayUse(principal, FILES)).toBe(true)
    expect(allowedListings(principal)).toBeUndefined()
  })
})

describe('a list', () => {
  test('lets through what it names, by listing or by server, and nothing else', () => {
    const byListing = withLists(undefined, { listings: ['wiki'] })
    expect([WIKI, FILES].map((it) => mayUse(byListing, it))).toEqual([true, false])
    const byServer = withLists(undefined, { servers: ['files'] })
    expect([WIKI, FILES].map((it) => mayUse(byServer, it))).toEqual([false, true])
    const both = withLists(undefined, { listings: ['wiki'], servers: ['files'] })
    expect([WIKI, FILES].map((it) => mayUse(both, it))).toEqual([true, true])
  })

  test('of nothing lets nothing through', () => {
    expect(mayUse(withLists(undefined, { listings: [] }), WIKI)).toBe(false)
    expect(mayUse(withLists(undefined, {}, { servers: [] }), FILES)).toBe(false)
  })

  test.each([
    ['the account above', withLists({ listings: ['other'] }, { listings: ['wiki'] })],
    ['the account', withLists(undefined, { listings: ['other'] }, { listings: ['wiki'] })],
    ['the key', withLists(undefined, { listings: ['wiki'] }, { listings: ['other'] })],
    ['an ancestor of the key', withLists(undefined, {}, {}, { listings: ['other'] })],
  ])('of %s holds whatever the other lists say', (_whose, principal) => {
    expect(mayUse(principal, WIKI)).toBe(false)
  })
})

test('what is private is seen by its owner and the accounts below that one', () => {
  const secret: Thing = { ...WIKI, isPrivate: true }
  const of = (account: Parameters<typeof anAccount>[0]) => ({
    ...aPrincipal(),
    account: anAccount(account),
  })
  expect(mayUse(of({ id: 'acct_seller' }), secret)).toBe(true)
  expect(mayUse(of({ id: 'acct_sub', parentId: 'acct_seller' }), secret)).toBe(true)
  expect(mayUse(of({ id: 'acct_buyer' }), secret)).toBe(false)
  expect(mayUse(undefined, secret)).toBe(false)
  const fromBelow: Thing = { ...secret, ownerId: 'acct_sub' }
  expect(mayUse(of({ id: 'acct_seller' }), fromBelow)).toBe(false)
})

const names = fc.subarray(['a', 'b', 'c'])
const anAllow: fc.Arbitrary<Allow> = fc.record(
  { listings: names, servers: names },
  { requiredKeys: [] },
)

test('the search is given exactly the listings that may be used', () => {
  // Each server has a listing of its own name with an s in front.
  const things = ['a', 'b', 'c'].flatMap((name): Thing[] => [
    { listing: name, ownerId: 'acct_seller' },
    { listing: `s${name}`, server: name, ownerId: 'acct_seller' },
  ])
  fc.assert(
    fc.property(anAllow, anAllow, fc.array(anAllow, { maxLength: 3 }), (above, own, keys) => {
      const principal = withLists(above, own, ...keys)
      const slugs = allowedListings(principal, (server) => [`s${server}`])
      for (const thing of things) {
        expect(slugs?.has(thing.listing) ?? true).toBe(mayUse(principal, thing))
      }
    }),
  )
})

test('a narrower list never lets through what the wider one does not', () => {
  fc.assert(
    fc.property(anAllow, anAllow, fc.constantFrom(WIKI, FILES), (child, parent, thing) => {
      fc.pre(isNarrower(child, parent) && Object.keys(child).length > 0)
      const sees = (allow: Allow) => mayUse(withLists(undefined, allow), thing)
      expect(sees(child) && !sees(parent)).toBe(false)
    }),
  )
})
