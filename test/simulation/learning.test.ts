/**
 * A market that is searched in words that its documents do not have. The log is made from a seed:
 * buyers ask in their own words, then in plainer ones, look at what they find, and buy. Afterwards
 * the search must know the words, and a seller who buys from itself must have gained nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccounts } from '#accounts'
import type { Id } from '#core/ids'
import { nanos } from '#core/money'
import { type ACatalogue, aCatalogue, aListing, anEndpoint } from '../support/a-catalogue.js'
import { aPrincipal } from '../support/an-offer.js'

const SEED = 20_261_121
const BUYERS = 40
const SESSIONS = 320
const PUPPETS = 20
/** Nano-USDC: 0.05, and the fee on it. */
const PRICE = { charge: nanos(50_000_000n), fee: nanos(2_500_000n) }
/** What the seller's own accounts pay it: 0.001. */
const TOKEN_PRICE = { charge: nanos(1_000_000n), fee: nanos(50_000n) }
const NO_FENCE = async () => {}

type Need = { slug: string; said: string; plain: string; title: string }

const NEEDS: Need[] = [
  { slug: 'met', said: 'brolly', plain: 'weather forecast', title: 'Weather forecast by place' },
  { slug: 'fx', said: 'dosh', plain: 'currency rates', title: 'Currency exchange rates' },
  { slug: 'recipes', said: 'scran', plain: 'recipe search', title: 'Search recipes' },
  { slug: 'homes', said: 'gaff', plain: 'property listings', title: 'Property listings' },
  { slug: 'guide', said: 'telly', plain: 'television schedule', title: 'Television schedule' },
  { slug: 'lyrics', said: 'choon', plain: 'song lyrics', title: 'Song lyrics' },
  { slug: 'dogs', said: 'pooch', plain: 'dog breeds', title: 'Dog breeds and pictures' },
  { slug: 'parcels', said: 'bundle', plain: 'parcel tracking', title: 'Parcel tracking' },
]
const FILLERS = ['today', 'quickly', 'cheap', 'for a friend', 'near me', 'please', 'in English']
/** Sells the same as the first, by its words, and buys from itself. */
const SHADY = 'shady'

let learned: ACatalogue
let unlearned: ACatalogue

beforeAll(async () => {
  learned = await aMarket({ learns: true })
  unlearned = await aMarket({ learns: false })
}, 120_000)

afterAll(() => Promise.all([learned.close(), unlearned.close()]))

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

async function aMarket({ learns }: { learns: boolean }): Promise<ACatalogue> {
  const world = await aCatalogue()
  await world.reopen({ learns })
  const sellers = await listAll(world)
  await playBuyers(world, sellers)
  await playPuppets(world, sellers.get(SHADY)!)
  await world.catalogue.flushStandings()
  await world.catalogue.workOutLessons(NO_FENCE)
  await world.catalogue.follow()
  return world
}

async function listAll(world: ACatalogue): Promise<Map<string, Id<'account'>>> {
  const accounts = createAccounts({ ...world, keyEnvironment: 'test' })
  const sellers = new Map<string, Id<'account'>>()
  for (const { slug, title } of [...NEEDS, { ...NEEDS[0]!, slug: SHADY }]) {
    const { account } = await accounts.create({ name: slug, slug: `seller-${slug}` })
    sellers.set(slug, account.id)
    const endpoints = [anEndpoint({ title, description: `${title}.` })]
    const input = aListing({ slug, title, description: title, endpoints })
    const { listing } = await world.catalogue.create(account.id, input)
    await world.catalogue.publish(account.id, listing.id)
  }
  return sellers
}

const endpointOf = (slug: string) => `${slug}.search`

function aLooker(who: string) {
  const principal = aPrincipal()
  return { ...principal, key: { ...principal.key, id: `key_${who}` as const } }
}

async function find(world: ACatalogue, query: string, who?: string): Promise<string[]> {
  const looker = who === undefined ? undefined : aLooker(who)
  const { results } = await world.catalogue.browse({ query, limit: 5 }, looker)
  return results.map(({ endpoint_id }) => endpoint_id)
}

async function playBuyers(world: ACatalogue, sellers: Map<string, Id<'account'>>): Promise<void> {
  const random = randomFrom(SEED)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!
  for (let session = 0; session < SESSIONS; session++) {
    world.clock.advance(20 * 60_000)
    const who = `buyer${Math.floor(random() * BUYERS)}`
    const need = pick(NEEDS)
    const shown = await find(world, `${need.said} ${pick(FILLERS)}`, who)
    if (shown[0] !== endpointOf(need.slug)) await find(world, need.plain, who)
    // One in ten buys something else after all.
    const bought = random() < 0.1 ? pick(NEEDS).slug : need.slug
    await buy(world, { who, slug: bought, sellerId: sellers.get(bought)!, price: PRICE })
  }
}

async function playPuppets(world: ACatalogue, sellerId: Id<'account'>): Promise<void> {
  const [need] = NEEDS
  for (let puppet = 0; puppet < PUPPETS; puppet++) {
    world.clock.advance(60_000)
    const who = `puppet${puppet}`
    for (let call = 0; call < 10; call++) {
      await find(world, `${need!.said} ${need!.plain}`, who)
      await buy(world, { who, slug: SHADY, sellerId, price: TOKEN_PRICE })
    }
  }
}

type Bought = { who: string; slug: string; sellerId: string; price: typeof PRICE }

async function buy(world: ACatalogue, { who, slug, sellerId, price }: Bought): Promise<void> {
  const endpointId = endpointOf(slug)
  const keyId = `key_${who}`
  await world.catalogue.describe(endpointId, undefined, aLooker(who))
  const call = { keyId, buyerId: `acct_${who}`, sellerId, endpointId, outcome: 'charged' as const }
  world.catalogue.learn({ ...call, ...price })
}

describe('after the log', () => {
  test.each(NEEDS)('who asks for "$said" is shown $slug first', async ({ said, slug }) => {
    expect((await find(learned, said))[0]).toBe(endpointOf(slug))
    expect((await find(learned, `${said} quickly`))[0]).toBe(endpointOf(slug))
  })

  test.each(NEEDS)('"$plain" still finds $slug first', async ({ plain, slug }) => {
    expect((await find(learned, plain))[0]).toBe(endpointOf(slug))
  })

  test.each(NEEDS)('the strongest lesson of "$said" is that of $slug', ({ said, slug }) => {
    const lessons = [...learned.search.lessons].map(
      ([id, words]) => [id, words[said] ?? 0] as const,
    )
    expect(lessons.toSorted(([, a], [, b]) => b - a)[0]![0]).toBe(endpointOf(slug))
  })
})

test('a seller whose twenty accounts buy from it for tokens has taught nothing', async () => {
  const [{ said, plain, slug }] = NEEDS as [Need]
  expect(learned.search.lessons.get(endpointOf(SHADY)) ?? {}).toEqual({})
  for (const query of [said, plain, `${said} ${plain}`]) {
    const found = await find(learned, query)
    expect(found[0]).toBe(endpointOf(slug))
  }
})

test('without learning the same log changes nothing', async () => {
  expect([...unlearned.search.lessons.values()].flatMap(Object.keys)).toEqual([])
  const [{ plain }] = NEEDS as [Need]
  const withLearning = await find(learned, plain)
  expect((await find(unlearned, plain)).toSorted()).toEqual(withLearning.toSorted())
  for (const { said } of NEEDS) expect(await find(unlearned, said)).toEqual([])
})
