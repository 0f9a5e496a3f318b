/** The marketplace: seven tools, the same for everybody, that reach the whole catalogue. */
import { instructions } from './instructions.js'
import type { Surface } from './surface.js'
import type { ToolDeps } from './tools/tool.js'
import { runTool, toCallToolResultText, toolList } from './tools/tools.js'

/** What the gateway says of itself. */
export const IDENTITY = { name: 'souk', title: 'Souk', version: '0.1.0' }

/** Tools that do more than look. */
const SPENDING = new Set(['call_api', 'rate_seller'])

export function createMarketplace(deps: ToolDeps): Surface {
  const list = JSON.stringify(toolList)
  return {
    id: '',
    identity: IDENTITY,
    instructions,
    // It changes only with a release.
    cache: { ttlMs: 60 * 60 * 1_000, cacheScope: 'public' },
    scopeOf: (tool) => (SPENDING.has(tool) ? 'call' : undefined),
    list: async () => list,
    call: async (caller, { name, arguments: args = {} }) => ({
      json: toCallToolResultText(await runTool(deps, caller, name, args)),
      meta: '',
    }),
  }
}
