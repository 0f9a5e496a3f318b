/** What is bought, who buys it, and whether the books are right afterwards. */
import { add, formatUsdc, nanos, parseUsdc } from '#core/money'
import { inParallel } from './in-parallel.js'
import type { Json, Rest } from './rest.js'

export const CREDIT = '1000'
export const PRICE = '0.000001'
/** The fee of 5 %. */
const FEE = '0.00000005'
/** What the buyer pays for each call. */
export const PAID = add(parseUsdc(PRICE), parseUsdc(FEE))

export const ENDPOINT = 'bench-echo.echo'

export type Market = {
  /** The keys of so many buyers, each with an account and a credit of its own. */
  openBuyers(count: number): Promise<string[]>
  /**
   * Checks that exactly so many calls were paid, and that the books are right.
   *
   * @throws Error that says what is wrong.
   */
  audit(calls: number): Promise<string>
}

/** A seller with the upstream as its listing. */
export async function openMarket(
  rest: Rest,
  operatorKey: string,
  upstream: string,
): Promise<Market> {
  const open = (name: string) => rest('POST', '/v1/accounts', operatorKey, { name })
  const seller = await open('Bench seller')
  await publish(rest, String(seller.api_key), upstream)
  const buyers: Json[] = []
  return {
    async openBuyers(count) {
      const names = Array.from({ length: count }, (_, i) => `Buyer ${i + 1} of ${count}`)
      const opened = await inParallel(names, async (name) => {
        const buyer = await open(name)
        const grant = { amount: CREDIT, reason: 'benchmark' }
        await rest('POST', `/v1/accounts/${buyer.id}/grants`, operatorKey, grant)
        return buyer
      })
      buyers.push(...opened)
      return opened.map((buyer) => String(buyer.api_key))
    },
    audit: (calls) => audit(rest, { operatorKey, sellerId: String(seller.id), buyers, calls }),
  }
}

async function publish(rest: Rest, sellerKey: string, upstream: string): Promise<void> {
  const listing = await rest('POST', '/v1/listings', sellerKey, {
    slug: 'bench-echo',
    title: 'Echo',
    description: 'Echoes a text, to measure what stands in front of it.',
    category: 'other',
    backend: { type: 'http', base_url: upstream },
    credential: { type: 'header', name: 'x-api-key', value: 'secret-of-the-bench' },
    endpoints: [
      {
        slug: 'echo',
        title: 'Echo a text',
        description: 'Gives the text back that it is sent.',
        method: 'POST',
        path: '/rest/echo',
        input_schema: {
          type: 'object',
          required: ['text'],
          properties: { text: { type: 'string' } },
        },
        price: { model: 'per_call', amount: PRICE },
        success: { status: '2xx' },
      },
    ],
  })
  await rest('POST', `/v1/listings/${listing.id}/publish`, sellerKey)
}

type Sold = { operatorKey: string; sellerId: string; buyers: Json[]; calls: number }

async function audit(rest: Rest, { operatorKey, sellerId, buyers, calls }: Sold): Promise<string> {
  const ledger = await rest('GET', '/v1/operator/ledger', operatorKey)
  const found = ledger.accounts as { name: string; balance: string }[]
  const balanceOf = (name: string) => found.find((account) => account.name === name)?.balance ?? '0'
  const usages = await inParallel(buyers, async ({ api_key }) => {
    const { totals } = await rest('GET', '/v1/usage?limit=1', String(api_key))
    return totals as { calls: number; charged: string }
  })
  const charged = usages.reduce((sum, usage) => add(sum, parseUsdc(usage.charged)), nanos(0n))
  const times = (amount: bigint) => formatUsdc(nanos(amount * BigInt(calls)))
  check('the ledger is balanced', ledger.balanced, true)
  check('open holds', ledger.open_holds, 0)
  check('what the seller earned', balanceOf(`seller:${sellerId}:earned`), times(parseUsdc(PRICE)))
  check('fees', balanceOf('platform:fees'), times(parseUsdc(FEE)))
  check(
    'calls in usage',
    usages.reduce((sum, usage) => sum + usage.calls, 0),
    calls,
  )
  check('charged', formatUsdc(charged), times(PAID))
  return `${calls} calls paid, ${times(PAID)} USDC to the last nano; ledger balanced, no open holds`
}

/** @throws Error that says what is wrong. */
export function check(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return
  throw new Error(`Audit failed: ${what}: ${String(found)}, not ${String(expected)}`)
}
