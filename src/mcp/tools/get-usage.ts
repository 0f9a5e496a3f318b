import { requireScope } from '#accounts'
import { usage, usageSchema } from '#calls'
import { requireKey } from './require-key.js'
import { defineTool, LOOKING } from './tool.js'

export const getUsage = defineTool({
  name: 'get_usage',
  title: 'List past calls',
  description: 'Past calls of this account, latest first, with totals.',
  input: usageSchema,
  output: { calls: { type: 'array' }, totals: { type: 'object' }, next_cursor: {} },
  annotations: LOOKING,
  async run(deps, caller, input) {
    const principal = requireKey(caller)
    requireScope(principal, 'call', 'read')
    return usage(deps, principal.account.id, input)
  },
})
