/** What is refused because something is used up: money, limits, places, the seller's patience. */
import type { Bazaar } from './bazaar.js'
import type { Refusal } from './refusals.js'
import type { Json } from './world.js'

const balances: Refusal[] = (['0.001049999', undefined] as const).map((credit) => ({
  name: `a call with a balance of ${credit ?? 'nothing'}`,
  code: 'insufficient_balance',
  says: { required: '0.00105', available: credit ?? '0' },
  asked: async ({ world, order }) => ({
    key: (await world.account('Poor', credit)).key,
    args: order(),
  }),
}))

/** One call costs 0.00105, so that each limit leaves room for one but not for two. */
const LIMIT = '0.002'

const spendingLimits: Refusal[] = [
  {
    name: "a call above the key's limit per call",
    code: 'limit_exceeded',
    says: { scope: 'call', limit: '0.001' },
    asked: async ({ buyer, key, order }) => ({
      key: (await key(buyer, { limits: { call: '0.001' } })).key,
      args: order(),
    }),
  },
  {
    name: "a call above the parent key's limit per call",
    code: 'limit_exceeded',
    says: { scope: 'call', limit: '0.001' },
    asked: async ({ buyer, key, order }) => ({
      key: (await key(await key(buyer, { limits: { call: '0.001' } }))).key,
      args: order(),
    }),
  },
  ...(['day', 'month', 'lifetime'] as const).flatMap((limit): Refusal[] => {
    const says = { scope: limit, limit: LIMIT, spent: '0.00105' }
    const limited = ({ buyer, key }: Bazaar) => key(buyer, { limits: { [limit]: LIMIT } })
    return [
      {
        name: `a call past the key's ${limit} limit`,
        code: 'limit_exceeded',
        says,
        async asked(bazaar) {
          const { key } = await limited(bazaar)
          await bazaar.buy(key, bazaar.order())
          return { key, args: bazaar.order() }
        },
      },
      {
        name: `a call past the ${limit} limit of the key's parent, spent by a sister key`,
        code: 'limit_exceeded',
        says,
        async asked(bazaar) {
          const parent = await limited(bazaar)
          const [one, other] = [await bazaar.key(parent), await bazaar.key(parent)]
          await bazaar.buy(one.key, bazaar.order())
          return { key: other.key, args: bazaar.order() }
        },
      },
      {
        name: `a call past the key's ${limit} limit, spent by a key that it made`,
        code: 'limit_exceeded',
        says,
        async asked(bazaar) {
          const parent = await limited(bazaar)
          await bazaar.buy((await bazaar.key(parent)).key, bazaar.order())
          return { key: parent.key, args: bazaar.order() }
        },
      },
    ]
  }),
]

/** A window of a second must not end between two calls. */
async function earlyInASecond(): Promise<void> {
  const past = Date.now() % 1_000
  if (past > 300) await new Promise((resolve) => setTimeout(resolve, 1_000 - past))
}

const listingLimits: Refusal[] = [
  ...(['per_second', 'per_minute', 'per_day'] as const).map(
    (limit): Refusal => ({
      name: `a second call where a listing takes one ${limit}`,
      code: 'rate_limited',
      retries: true,
      async asked({ buyer, stranger, sell, buy, order }) {
        const { endpointId } = await sell({}, { limits: { [limit]: 1 } })
        const args = order({ endpoint_id: endpointId })
        if (limit === 'per_second') await earlyInASecond()
        await buy(stranger.key, args)
        return { key: buyer.key, args }
      },
    }),
  ),
  {
    name: 'a call at the same time where a listing takes one at a time',
    code: 'rate_limited',
    retries: true,
    async asked({ buyer, stranger, sell, keepBusy, order }) {
      const { endpointId } = await sell({}, { limits: { concurrency: 1 } })
      const args = order({ endpoint_id: endpointId })
      const after = await keepBusy([{ key: stranger.key, order: args }])
      return { key: buyer.key, args, after }
    },
  },
  {
    name: 'a free call past the daily cap',
    code: 'rate_limited',
    retries: true,
    async asked({ buyer, sell, buy, order }) {
      const { endpointId } = await sell({ price: { model: 'free', daily_cap: 1 } })
      const args = order({ endpoint_id: endpointId })
      await buy(buyer.key, args)
      return { args }
    },
  },
]

/** The gateway of these rows takes two calls a key at once, and three overall. */
export const NARROW = { SOUK_MAX_IN_FLIGHT_PER_KEY: '2', SOUK_MAX_IN_FLIGHT: '3' }

const busy = (bazaar: Bazaar, ...keys: string[]) =>
  bazaar.keepBusy(keys.map((key) => ({ key, order: bazaar.order() })))

const crowds: Refusal[] = [
  {
    name: 'a third call at once with one key',
    code: 'busy',
    status: 429,
    retries: true,
    async asked(bazaar) {
      const { key } = await bazaar.key(bazaar.buyer)
      return { key, args: bazaar.order(), after: await busy(bazaar, key, key) }
    },
  },
  {
    name: 'a fourth call at once of anybody',
    code: 'busy',
    status: 503,
    retries: true,
    async asked(bazaar) {
      const { buyer, stranger } = bazaar
      const after = await busy(bazaar, buyer.key, buyer.key, stranger.key)
      return { key: stranger.key, args: bazaar.order(), after }
    },
  },
  {
    name: 'an idempotency key whose call with other arguments still runs',
    code: 'idempotency_conflict',
    async asked(bazaar) {
      const running: Json = bazaar.order({ idempotency_key: `running-${Date.now()}` })
      const after = await bazaar.keepBusy([{ key: bazaar.buyer.key, order: running }])
      return { args: { ...running, arguments: {} }, after }
    },
  },
]

/** Everything that is refused because something is used up. */
export const refusalsAtTheHold: readonly Refusal[] = [
  ...balances,
  ...spendingLimits,
  ...listingLimits,
  ...crowds,
]
