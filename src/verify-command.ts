/** `souk verify`: checks a receipt with nothing but the receipt, public keys and what was exchanged. */
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Jwk, type VerifyOptions, verifyReceipt } from '#receipts'

const USAGE = 'usage: souk verify <receipt> [--jwks URL|FILE] [--request FILE] [--response FILE]'
const DEFAULT_JWKS = 'http://127.0.0.1:8402/.well-known/jwks.json'

/** @returns 0 for a valid receipt, 1 for one that is not, 2 for wrong usage. */
export async function verifyCommand(args: string[], say: (line: string) => void): Promise<number> {
  const parsed = readArguments(args)
  if (!parsed) {
    say(USAGE)
    return 2
  }
  let receipt: string
  let options: VerifyOptions
  try {
    receipt = readReceipt(parsed.receipt)
    options = {
      jwks: await readJwks(parsed.jwks ?? DEFAULT_JWKS),
      ...(parsed.request !== undefined && {
        request: JSON.parse(readFileSync(parsed.request, 'utf8')),
      }),
      ...(parsed.response !== undefined && { response: readFileSync(parsed.response) }),
    }
  } catch (error) {
    say(`NOT CHECKED: ${(error as Error).message}`)
    return 1
  }
  const result = await verifyReceipt(receipt, options)
  if (!result.valid) {
    say(`NOT VALID: ${result.reason}`)
    return 1
  }
  const { claims } = result
  say(`VALID  ${claims.jti}`)
  say(`  ${claims.endpoint_id} version ${claims.version}, ${claims.outcome}, ${claims.ended_at}`)
  say(`  charge ${claims.charge.amount} + fee ${claims.charge.fee} = ${claims.charge.total} USDC`)
  say(`  buyer ${claims.buyer}, seller ${claims.seller}, number ${claims.seq} of its chain`)
  say(`  checked: ${result.checks.join(', ')}`)
  return 0
}

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        jwks: { type: 'string' },
        request: { type: 'string' },
        response: { type: 'string' },
      },
    })
    const [receipt] = positionals
    return receipt === undefined || positionals.length > 1 ? undefined : { ...values, receipt }
  } catch {
    return undefined
  }
}

/** The receipt itself, or a file that holds it, bare or as a call's JSON. */
function readReceipt(given: string): string {
  const text = existsSync(given) ? readFileSync(given, 'utf8').trim() : given
  if (!text.startsWith('{')) return text
  const { receipt, jws } = JSON.parse(text) as { receipt?: string; jws?: string }
  return receipt ?? jws ?? ''
}

async function readJwks(source: string): Promise<{ keys: Jwk[] }> {
  if (!/^https?:\/\//.test(source)) return JSON.parse(readFileSync(source, 'utf8'))
  const response = await fetch(source, { signal: AbortSignal.timeout(10_000) })
  if (!response.ok) throw new Error(`${source} answered with status ${response.status}`)
  return (await response.json()) as { keys: Jwk[] }
}
