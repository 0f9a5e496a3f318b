/** A refusal as RFC 9457 has it, with the same code and action as on the other face. */
import type { ServerResponse } from 'node:http'
import { type Problem, problems } from '#core/problem'

export function sendProblem(
  res: ServerResponse,
  problem: Problem,
  context: { traceId: string; publicUrl: string },
): void {
  if (problem.status === 401) res.setHeader('www-authenticate', 'Bearer realm="souk"')
  if (problem.retryAfterMs !== undefined) {
    res.setHeader('retry-after', Math.ceil(problem.retryAfterMs / 1000))
  }
  const document = {
    type: `${context.publicUrl}/docs#${problem.code}`,
    title: problems[problem.code].title,
    status: problem.status,
    detail: problem.message,
    ...problem.toJSON(),
    trace_id: context.traceId,
  }
  const text = Buffer.from(JSON.stringify(document))
  res.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    'content-length': text.length,
    'cache-control': 'no-store',
  })
  res.end(text)
}
