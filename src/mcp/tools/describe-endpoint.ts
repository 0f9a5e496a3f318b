import { describeSchema } from '#catalogue'
import { defineTool, LOOKING } from './tool.js'

export const describeEndpoint = defineTool({
  name: 'describe_endpoint',
  title: 'Inspect an endpoint',
  description:
    'Everything needed to call an endpoint: input_schema, example, price, health. Next: call_api.',
  input: describeSchema,
  output: {
    endpoint_id: {},
    version: {},
    latest_version: {},
    changed_at: {},
    changes: {},
    title: {},
    description: {},
    input_schema: { type: 'object' },
    output_schema: {},
    example: {},
    price: { type: 'object' },
    success_rule: {},
    requires_approval: {},
    seller: {},
    health: {},
  },
  annotations: LOOKING,
  run: ({ catalogue }, { principal }, { endpoint_id, version }) =>
    catalogue.describe(endpoint_id, version, principal),
})
