/** The answer to a plain tools/call, as the SDK's server would give it, written out directly. */
import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Era, ToolCall } from './plain-call.js'
import { type Caller, IDENTITY } from './server.js'
import type { ToolDeps } from './tools/tool.js'
import { runTool, toCallToolResultText } from './tools/tools.js'

/** What the SDK adds to each result of an era. */
const ADDED: Record<Era, string> = {
  legacy: '',
  modern: `,"resultType":"complete","_meta":${JSON.stringify({ [SERVER_INFO_META_KEY]: IDENTITY })}`,
}

export async function answerPlainCall(
  deps: ToolDeps,
  caller: Caller,
  { id, params }: ToolCall,
  era: Era,
): Promise<string> {
  const answer = await runTool(deps, caller, params.name, params.arguments ?? {})
  const result = toCallToolResultText(answer, ADDED[era])
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`
}
