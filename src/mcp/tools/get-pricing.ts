import { priceOf, priceQuerySchema } from '#calls'
import { Problem } from '#core/problem'
import { defineTool } from './tool.js'

export const getPricing = defineTool({
  name: 'get_pricing',
  title: 'Price a call',
  description:
    'Price of an endpoint; with arguments also a signed quote, valid 2 minutes, single use: pass its quote_id to call_api. Costs nothing.',
  input: priceQuerySchema,
  output: { price: { type: 'object' }, fee_bps: {}, quote: { type: 'object' } },
  annotations: { readOnlyHint: true, openWorldHint: false },
  async run(deps, { principal }, { endpoint_id, version, arguments: args }) {
    if (args !== undefined && !principal) {
      throw new Problem('unauthenticated', 'A quote needs an API key.')
    }
    return priceOf(deps, principal, { endpointId: endpoint_id, version, arguments: args })
  },
})
