import { browseSchema } from '#catalogue'
import { defineTool, LOOKING } from './tool.js'

export const browseApis = defineTool({
  name: 'browse_apis',
  title: 'Find API endpoints',
  description:
    'Find API endpoints to buy. Query: what the endpoint does, as its docs would say ("convert an amount between currencies"), or a name; several goals in one query are fine. Without query: categories. Next: describe_endpoint.',
  input: browseSchema,
  output: {
    results: { type: 'array', items: { type: 'object' } },
    categories: {},
    next_cursor: {},
    search: {},
  },
  annotations: LOOKING,
  run: ({ catalogue }, { principal }, input) => catalogue.browse(input, principal),
})
