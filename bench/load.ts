/**
 * The load generator, a process of its own: so many callers, each with a connection of its own,
 * each asking again as soon as it has its answer. Every answer is checked.
 */
import { type Dispatcher, Pool } from 'undici'

/** One request over and over. `{n}` in a text stands for the number of the request. */
export type Target = {
  /** Of one path; each caller asks one of them. */
  urls: string[]
  /** Taken in turns, request by request. */
  headers: Record<string, string>[]
  body: string
  /** What every answer must hold. */
  expected: string[]
}

export type Job = { target: Target; callers: number; seconds: number; firstNumber: number }

export type Load = {
  calls: number
  /** Answers that were wrong, and requests without any. */
  bad: number
  firstBad: string | undefined
  perSecond: number
  p50Ms: number
  p99Ms: number
}

const BAD_TEXT_CHARACTERS = 500

process.on('message', async (job: Job) => {
  process.send!(await load(job))
})
process.once('disconnect', () => process.exit())

async function load({ target, callers, seconds, firstNumber }: Job): Promise<Load> {
  const path = new URL(target.urls[0]!).pathname
  const pools = target.urls.map(
    (url) => new Pool(new URL(url).origin, { connections: callers, pipelining: 1 }),
  )
  const body = template(target.body)
  const expected = target.expected.map(template)
  const latencies: number[] = []
  let number = firstNumber
  let bad = 0
  let firstBad: string | undefined

  async function caller(_: unknown, i: number): Promise<void> {
    const pool = pools[i % pools.length]!
    while (performance.now() < endsAt) {
      const n = number++
      const headers = target.headers[n % target.headers.length]!
      const request = { method: 'POST', path, headers, body: body(n) }
      const askedAt = performance.now()
      const answer = await ask(pool, request as Dispatcher.DispatchOptions)
      latencies.push(performance.now() - askedAt)
      if (answer.status === 200 && expected.every((part) => answer.text.includes(part(n)))) continue
      bad++
      firstBad ??= `${answer.status} ${answer.text.slice(0, BAD_TEXT_CHARACTERS)}`
    }
  }

  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  await Promise.all(Array.from({ length: callers }, caller))
  const tookSeconds = (performance.now() - startedAt) / 1000
  await Promise.all(pools.map((pool) => pool.close()))
  latencies.sort((a, b) => a - b)
  return {
    calls: latencies.length,
    bad,
    firstBad,
    perSecond: latencies.length / tookSeconds,
    p50Ms: atShare(latencies, 0.5),
    p99Ms: atShare(latencies, 0.99),
  }
}

/** Without undici's streams and promises: what the generator burns, the gateway lacks. */
function ask(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let status = 0
    pool.dispatch(request, {
      onRequestStart: () => {},
      onResponseStart: (_controller, code) => {
        status = code
      },
      onResponseData: (_controller, chunk) => {
        chunks.push(chunk)
      },
      onResponseEnd: () => resolve({ status, text: Buffer.concat(chunks).toString() }),
      onResponseError: (_controller, error) => resolve({ status: 0, text: error.message }),
    })
  })
}

function template(text: string): (n: number) => string {
  const parts = text.split('{n}')
  return (n) => parts.join(String(n))
}

function atShare(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}
