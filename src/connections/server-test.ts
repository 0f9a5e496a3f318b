/** Tries a server on a connection of its own, and says what came of it in words for an operator. */

import { clip, plainText } from '#core/plain-text'
import { Problem } from '#core/problem'
import { startDeadline } from '#upstreams'
import { sharedHearer } from './hearing.js'
import { ownSpeaker } from './kept-server.js'
import { type Failed, type ListedTool, listAll } from './list-tools.js'
import { type ErrorCode, notOpen } from './negotiation.js'
import { type OpenDeps, openSession } from './open-session.js'
import { type Server, scrubbedText } from './server.js'

export type ServerTest = {
  success: boolean
  tool_count: number
  tools: { name: string; description: string }[]
  error: string | null
  error_code: ErrorCode | null
}

/** For all pages together. */
export const LIST_TIMEOUT_MS = 60_000
const MAX_TEXT_CHARACTERS = 1000

/** Never throws. */
export async function testServer(deps: OpenDeps, server: Server): Promise<ServerTest> {
  const session = await openSession(deps, server, {
    speaker: ownSpeaker(deps.userAgent),
    hearer: sharedHearer(() => {}),
    prefer: 'modern',
  })
  if ('kind' in session) return failedTest(server, session)
  const deadline = startDeadline(Math.min(LIST_TIMEOUT_MS, server.callTimeoutMs * 2), undefined)
  const tools = await listAll(
    (params) => session.line.request('tools/list', params, { deadline }),
    deadline,
  )
  deadline.clear()
  await session.line.close()
  if (!Array.isArray(tools)) return failedTest(server, tools)
  const shown = tools.map((tool) => shownTool(server, tool))
  return { success: true, tool_count: tools.length, tools: shown, error: null, error_code: null }
}

function shownTool(server: Server, { name, description }: ListedTool) {
  const text = (value: unknown) =>
    typeof value === 'string'
      ? scrubbedText(server, clip(plainText(value), MAX_TEXT_CHARACTERS))
      : ''
  return { name: text(name), description: text(description) }
}

function failedTest(server: Server, failure: Failed): ServerTest {
  const { detail, errorCode } = failureOf(server, failure)
  return { success: false, tool_count: 0, tools: [], error: detail, error_code: errorCode }
}

/** The failure as a refusal. */
export function problemOf(server: Server, failure: Failed): Problem {
  const { detail, errorCode } = failureOf(server, failure)
  const facts = { error_code: errorCode }
  if (errorCode === 'timeout') return new Problem('upstream_timeout', detail, { facts })
  return new Problem(errorCode === 'config_error' ? 'invalid_request' : 'upstream_failed', detail, {
    facts,
  })
}

function failureOf(server: Server, failure: Failed): { detail: string; errorCode: ErrorCode } {
  const { detail, errorCode } = 'errorCode' in failure ? failure : notOpen(failure, 'tools/list')
  return { detail: scrubbedText(server, detail), errorCode }
}
