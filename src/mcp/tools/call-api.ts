import { call, callSchema, showOutcome } from '#calls'
import { orderOf } from '../caller.js'
import { defineTool } from './tool.js'

/** The most of a body that goes into a model's context. */
const BODY_LIMIT_BYTES = 64 * 1024

export const callApi = defineTool({
  name: 'call_api',
  title: 'Buy one API call',
  description:
    'SPENDS MONEY: buys one call and returns body, exact charge and a signed receipt. Nothing is paid when the provider fails. Retry with the same idempotency_key.',
  input: callSchema,
  output: {
    call_id: {},
    endpoint_id: {},
    version: {},
    latest_version: {},
    outcome: { enum: ['charged', 'free', 'refunded', 'failed'] },
    status: {},
    body: {},
    truncated: {},
    body_url: {},
    charge: { type: 'object' },
    balance: {},
    receipt: {},
    receipt_id: {},
  },
  annotations: {
    readOnlyHint: false,
    destructiveHint: true,
    idempotentHint: false,
    openWorldHint: true,
  },
  async run(deps, caller, input) {
    const order = orderOf(caller, {
      endpointId: input.endpoint_id,
      version: input.version,
      arguments: input.arguments,
      maxPrice: input.max_price,
      quoteId: input.quote_id,
      idempotencyKey: input.idempotency_key,
    })
    const outcome = await call(deps, order)
    return showOutcome(outcome, { bodyLimitBytes: BODY_LIMIT_BYTES, publicUrl: deps.publicUrl })
  },
})
