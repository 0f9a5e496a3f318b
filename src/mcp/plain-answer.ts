/** The answer to a plain tools/call, as the SDK's server would give it, written out directly. */
import { ProtocolError, SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import { InputNeeded } from './input-needed.js'
import type { Era, ToolCall } from './plain-call.js'
import { type Caller, resultText, type Surface } from './surface.js'

export async function answerPlainCall(
  surface: Surface,
  caller: Caller,
  { id, params }: ToolCall,
  era: Era,
): Promise<string> {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`
  try {
    return `${head}"result":${resultText(await surface.call(caller, params), addedTo(era, surface))}}`
  } catch (error) {
    if (error instanceof InputNeeded) return `${head}"result":${neededText(error, surface)}}`
    if (!(error instanceof ProtocolError)) throw error
    const { code, message, data } = error
    return `${head}"error":${JSON.stringify({ code, message, data })}}`
  }
}

/** What the SDK adds to each result of an era. */
function addedTo(era: Era, { identity }: Surface): { members: string; meta: string } {
  if (era === 'legacy') return { members: '', meta: '' }
  const meta = `"${SERVER_INFO_META_KEY}":${JSON.stringify(identity)}`
  return { members: '"resultType":"complete"', meta }
}

/** Only clients of the current era are answered so: the others are asked by a message of its own. */
function neededText({ inputRequests, requestState }: InputNeeded, { identity }: Surface): string {
  const _meta = { [SERVER_INFO_META_KEY]: identity }
  return JSON.stringify({ resultType: 'input_required', inputRequests, requestState, _meta })
}
