/** The outcome of a call as the result of a gateway's tool. */
import { ProtocolError } from '@modelcontextprotocol/server'
import { type Outcome, outcomeProblem, showOutcome } from '#calls'
import { decodeUtf8, memberTexts, objectText } from '#core/json-text'
import type { Problem } from '#core/problem'
import type { OfferedTool } from '#gateways'
import { isObject } from '#schemas'
import { hasOutputSchema } from './native-tool.js'
import type { CallResult } from './surface.js'

/** The most of a text, or of a picture, that goes into a result; a longer one is led to. */
const MAX_TEXT_BYTES = 64 * 1024
const MAX_BINARY_BYTES = 1024 * 1024
/** Refusals of servers of the current era that are about our request, not about the client's. */
const OUR_OWN_FAULTS = [-32_020, -32_021, -32_022]

/** Members of a result that are ours to say, though their names be written with escapes. */
const NOT_PLAIN = /"_meta"|"resultType"|\\u00[4-7]/i

type Offer = OfferedTool['offer']

/** @throws ProtocolError where an MCP server answered with an error instead of a result. */
export function nativeResult(offer: Offer, outcome: Outcome, publicUrl: string): CallResult {
  const shown = showOutcome(outcome, { bodyLimitBytes: MAX_TEXT_BYTES, publicUrl })
  const meta = JSON.stringify(purchaseMeta(shown)).slice(1, -1)
  if (offer.target.kind === 'mcp' && outcome.body) {
    const text = decodeUtf8(outcome.body.bytes)
    const passed = text !== undefined && passedResult(text, meta, shown)
    if (passed) return passed
  }
  const problem = outcomeProblem(outcome)
  if (problem) return refused(offer, problem, meta)
  const content = contentOf(outcome, shown)
  const { body } = shown
  const isStructured = isObject(body) && !('truncated' in shown) && content[0]!.type === 'text'
  const structured = isStructured && { structuredContent: body }
  return { json: JSON.stringify({ content, ...structured, isError: false }), meta }
}

/** A refusal that the model can act on. */
export function refused(offer: Offer | undefined, problem: Problem, meta = ''): CallResult {
  const shown = problem.toJSON()
  const isStructured = offer === undefined || !hasOutputSchema(offer)
  const content = [{ type: 'text', text: JSON.stringify(shown) }]
  const json = JSON.stringify({
    content,
    // Some clients hold it against the tool's own schema even then.
    ...(isStructured && { structuredContent: shown }),
    isError: true,
  })
  return { json, meta }
}

/** The `_meta` of a result that tells what was bought, for programs: models do not read it. */
export function purchaseMeta(shown: Record<string, unknown>) {
  const { call_id, outcome, charge, balance, receipt, receipt_id, latest_version } = shown
  const call = { call_id, outcome, charge, balance, receipt, receipt_id, latest_version }
  return { 'souk/call': call }
}

/** The server's own result, as it came; `undefined` where there is none. */
function passedResult(
  text: string,
  meta: string,
  shown: Record<string, unknown>,
): CallResult | undefined {
  if (!text.startsWith('{"error"') && !NOT_PLAIN.test(text)) return { json: text, meta }
  const answer: unknown = JSON.parse(text)
  if (!isObject(answer)) return undefined
  const { content, structuredContent, error } = answer
  if (content === undefined && structuredContent === undefined) {
    if (isObject(error)) throw protocolError(error, shown)
    // It asks for more input, which cannot be given here; the call's own fault says so.
    return undefined
  }
  const members = memberTexts(text)
  const theirs = memberTexts(isObject(answer._meta) ? members.get('_meta')! : '{}')
  for (const name of ['_meta', 'resultType']) members.delete(name)
  theirs.delete('souk/call')
  const told = [objectText(theirs).slice(1, -1), meta].filter(Boolean).join(',')
  return { json: objectText(members), meta: told }
}

/** The server's error, and in its data what the call was that it answered. */
function protocolError(
  { code, message, data }: Record<string, unknown>,
  shown: Record<string, unknown>,
): ProtocolError {
  const number = typeof code === 'number' && !OUR_OWN_FAULTS.includes(code) ? code : -32_603
  const theirs = isObject(data) ? data : data !== undefined && { data }
  const told = { ...theirs, ...purchaseMeta(shown) }
  return new ProtocolError(number, typeof message === 'string' ? message : 'It failed.', told)
}

type Content = Record<string, unknown> & { type: string }

function contentOf(
  { body, callId }: Outcome,
  shown: { body?: unknown; truncated?: unknown; body_url?: unknown },
): Content[] {
  const whole = shown.body
  const link: Content[] =
    shown.truncated === true
      ? [{ type: 'resource_link', uri: shown.body_url, name: `The whole answer of ${callId}` }]
      : []
  if (body && isBinary(whole)) return [binaryContent(body.bytes, body.mediaType, shown), ...link]
  const isCut = link.length > 0
  const text = isCut ? String(whole) : (asItCame(body?.bytes) ?? '')
  return [{ type: 'text', text }, ...link]
}

/** JSON is passed as it was written, not as it was read. */
function asItCame(bytes: Buffer | undefined): string | undefined {
  return bytes && decodeUtf8(bytes)
}

function isBinary(body: unknown): boolean {
  return isObject(body) && body.encoding === 'base64' && typeof body.data === 'string'
}

function binaryContent(
  bytes: Buffer,
  mimeType: string,
  { body_url: uri }: { body_url?: unknown },
): Content {
  if (bytes.length > MAX_BINARY_BYTES) {
    return { type: 'text', text: `${bytes.length} bytes of ${mimeType}; the link leads to them.` }
  }
  const data = bytes.toString('base64')
  const [kind] = mimeType.split('/')
  if (kind === 'image' || kind === 'audio') return { type: kind, data, mimeType }
  const resource = { uri: uri ?? 'souk:answer', mimeType, blob: data }
  return { type: 'resource', resource }
}
