/** Sends with a credential that is exchanged for a token first. */
import { Problem } from '#core/problem'
import { type Credential, secretsOf } from './credential.js'
import { type Scrubber, scrubberOf } from './scrub.js'
import type { TokenSource, Tokens } from './tokens.js'
import type { Answer } from './upstreams.js'

/** What a request is sent with, and what takes it out of the answer. */
export type Bearing = { credential: Credential; scrubber: Scrubber }

type ClientCredential = Extract<TokenSource, { type: 'oauth2_client_credentials' }>

/** The last token of each credential, with its scrubber, which is dear to make. */
const bearings = new WeakMap<Credential, Bearing & { token: string }>()

function bearingOf(source: ClientCredential, token: string): Bearing {
  const known = bearings.get(source)
  if (known?.token === token) return known
  const credential: Credential = { type: 'bearer', token }
  const bearing = { token, credential, scrubber: scrubberOf([token, ...secretsOf(source)]) }
  bearings.set(source, bearing)
  return bearing
}

/**
 * Sends with the token of `source`; a 401 was not executed, so it is sent once more with a new
 * token, and only once. Without a token nothing is sent.
 *
 * @param timeoutMs for all of it; `send` is told what is left.
 */
export async function sendWithToken(
  tokens: Tokens,
  source: ClientCredential,
  timeoutMs: number,
  send: (bearing: Bearing, leftMs: number) => Promise<Answer>,
): Promise<Answer> {
  const startedMs = performance.now()
  const sendWith = (token: string) =>
    send(
      bearingOf(source, token),
      Math.max(1, timeoutMs - Math.floor(performance.now() - startedMs)),
    )
  try {
    const token = await tokens.bearerFor(source)
    const answer = await sendWith(token)
    if (answer.kind !== 'answered' || answer.status !== 401) return answer
    tokens.refused(source, token)
    return await sendWith(await tokens.bearerFor(source))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const reason = error.code === 'upstream_timeout' ? 'timeout' : 'unauthorized'
    const latencyMs = performance.now() - startedMs
    return { kind: 'unanswered', reason, detail: error.message, dispatched: false, latencyMs }
  }
}
