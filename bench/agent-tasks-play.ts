/** Plays a task as an agent would, over MCP with a client's own library: search, read, buy. */
import type { Client } from '@modelcontextprotocol/client'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import type { Task } from './agent-tasks-list.js'

export type Json = Record<string, unknown>

/** One use of a tool, and the tokens of what a model writes and reads for it. */
export type Use = {
  tool: string
  request: Json
  result: Json
  requestTokens: number
  resultTokens: number
}

export type Played = {
  task: Task
  browses: Use[]
  /** Where what was picked stood among all that was shown for its words, from 1; absent when nothing would do. */
  rank?: number
  describe?: Use
  call?: Use
}

/** The most that the agent pays for a call. */
const MAX_PRICE = '0.01'

export async function play(client: Client, task: Task, key: string): Promise<Played> {
  const browses: Use[] = []
  const found = await search(client, task, browses)
  if (!found) return { task, browses }
  const { endpointId, rank } = found
  const describe = await use(client, 'describe_endpoint', { endpoint_id: endpointId })
  const call = await use(client, 'call_api', {
    endpoint_id: endpointId,
    arguments: task.ways[endpointId]!,
    max_price: MAX_PRICE,
    idempotency_key: key,
  })
  return { task, browses, rank, describe, call }
}

async function search(client: Client, { steps, ways }: Task, browses: Use[]) {
  let shown = 0
  for (const step of steps) {
    const before = browses.at(-1)
    const isNext = step === 'next page'
    if (!isNext) shown = 0
    const request = isNext
      ? { query: before!.request.query, cursor: before!.result.next_cursor }
      : { query: step.query }
    const browse = await use(client, 'browse_apis', request)
    browses.push(browse)
    const ids = resultsOf(browse).map(({ endpoint_id }) => endpoint_id)
    const at = ids.findIndex((id) => id in ways)
    if (at >= 0) return { endpointId: ids[at]!, rank: shown + at + 1 }
    shown += ids.length
  }
  return undefined
}

export type Result = { endpoint_id: string; title: string; summary: string }

export function resultsOf({ result }: Use): Result[] {
  return result.results as Result[]
}

async function use(client: Client, tool: string, request: Json): Promise<Use> {
  const answer = await client.callTool({ name: tool, arguments: request })
  const [content] = answer.content as { text: string }[]
  return {
    ...{ tool, request, result: answer.structuredContent as Json },
    requestTokens: tokensOf(JSON.stringify(request)),
    resultTokens: tokensOf(content!.text),
  }
}

export function tokensOf(text: string): number {
  return encode(text).length
}
