import { rate, ratingSchema } from '#ratings'
import { requireKey } from './require-key.js'
import { defineTool } from './tool.js'

export const rateSeller = defineTool({
  name: 'rate_seller',
  title: 'Rate a call',
  description: 'Rate a delivered call of yours, 1 (bad) to 5; a second rating replaces the first.',
  input: ratingSchema,
  output: { seller: { type: 'object' } },
  annotations: {
    readOnlyHint: false,
    destructiveHint: false,
    idempotentHint: true,
    openWorldHint: false,
  },
  run: (deps, caller, { call_id, score, comment }) =>
    rate(deps, requireKey(caller), { callId: call_id, score, comment }),
})
