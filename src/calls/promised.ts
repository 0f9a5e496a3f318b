/** What a tool promises of its answers, held to it before anything is charged. Pure. */
import type { Catalogue, Offer } from '#catalogue'
import { parseAnswer } from '#core/json-text'
import type { Answer } from '#upstreams'
import type { Verdict } from './judge.js'

/** Failing places that a refusal names. */
const MAX_NAMED = 5

type Deps = { catalogue: Pick<Catalogue, 'validateAnswer'> }
type Judged = { offer: Offer; answer: Answer; verdict: Verdict }

/**
 * The verdict, unless an answer that would be delivered is cut, or is not what the tool's
 * `output_schema` says. HTTP APIs are not held to theirs: an imported description often errs.
 */
export function asPromised(deps: Deps, { offer, answer, verdict }: Judged): Verdict {
  if (!verdict.delivered || answer.kind !== 'answered' || offer.target.kind === 'http') {
    return verdict
  }
  if (answer.truncated) return broken('The answer is longer than a tool may give.')
  if (!offer.output) return verdict
  const parsed = parseAnswer(answer.body)
  if (!parsed) return broken('The answer is not JSON, which output_schema promises.')
  const value = offer.target.kind === 'mcp' ? structuredIn(parsed.value) : parsed.value
  const faults = deps.catalogue.validateAnswer(offer, value)
  if (faults.length === 0) return verdict
  const list = faults.slice(0, MAX_NAMED).map(({ path, message }) => `${path || '/'} ${message}`)
  return broken(`The answer does not fit output_schema: ${list.join('; ')}.`)
}

function broken(message: string): Verdict {
  return { delivered: false, code: 'upstream_failed', message, retryAfterMs: undefined }
}

/** What an MCP server gives beside the content that is for reading. */
function structuredIn(result: unknown): unknown {
  return (result as { structuredContent?: unknown } | null)?.structuredContent
}
