/** Tools with a handler, as accounts declare them by REST and the operator in the file. */
import type { Account, Along } from '#accounts'
import type { Catalogue, ToolDefinition } from '#catalogue'
import { Problem } from '#core/problem'
import type { Upstreams } from '#upstreams'
import type { ByAccount } from './by-account.js'
import { type DeclaringDeps, declare, retire } from './declaring.js'
import { showDetails, showTool } from './shown-tool.js'
import type { SigningSecrets } from './signing-secrets.js'
import type { NamedTool } from './tool-names.js'
import { type DeclaredSource, findTool, type Tool, toolsAfter, toolsFrom } from './tool-rows.js'
import { handlerCredential, handlerUrl, type ToolInput } from './tool-schema.js'

/** Tools that one page shows. */
const PAGE = 100

type Deps = DeclaringDeps & {
  catalogue: Pick<Catalogue, 'toolsNow' | 'toolVersions'>
  upstreams: Pick<Upstreams, 'checkReachable'>
  publicUrl: string
  secrets: Pick<SigningSecrets, 'current'>
  names: Pick<ByAccount<NamedTool[]>, 'forget'>
}

type Declarer = Pick<Account, 'id' | 'slug'>

export function createDeclaredTools(deps: Deps) {
  const { store, catalogue, names, secrets } = deps
  const mcpUrlOf = ({ slug }: Declarer) => `${deps.publicUrl}/mcp/${slug}/tools`
  return {
    /**
     * Declares a tool, or its next version: the same again is the version that is there.
     *
     * @throws Problem `invalid_request`.
     */
    async declare(account: Declarer, input: ToolInput, along?: Along) {
      const declaring = put(deps, account, { source: 'declared', input, along })
      const { tool, version, isNewVersion } = await declaring
      const { secret } = await secrets.current(account.id)
      const shown = {
        ...{ id: tool.id, name: tool.name, version, mcp_url: mcpUrlOf(account) },
        ...{ endpoint_id: tool.endpointId, signing_secret: secret },
      }
      return { shown, isNewVersion }
    },
    /** The account's tools after the id `after`, as many as make a page; `next` where there are more. */
    async list(account: Declarer, after = '') {
      const tools = await toolsAfter(store.db, account.id, { after, limit: PAGE + 1 })
      const shown = tools.slice(0, PAGE)
      const now = await catalogue.toolsNow(shown.map(({ endpointId }) => endpointId))
      return {
        tools: shown.map((tool) => showTool(tool, mcpUrlOf(account), now.get(tool.endpointId)!)),
        next: tools.length > PAGE ? shown.at(-1)!.id : undefined,
      }
    },
    /** @throws Problem `not_found`, also for a tool of someone else. */
    async get(account: Declarer, id: string) {
      const tool = await findTool(store.db, [account.id], id)
      const now = (await catalogue.toolsNow([tool.endpointId])).get(tool.endpointId)!
      const versions = await catalogue.toolVersions(tool.endpointId)
      return { ...showTool(tool, mcpUrlOf(account), now), ...showDetails(now, versions) }
    },
    /** @throws Problem `not_found`. */
    async retire(account: Declarer, id: string, along?: Along): Promise<void> {
      await retire(deps, await findTool(store.db, [account.id], id), along)
      names.forget()
    },
    /**
     * A tool that an account may name by its id: its own, or one of the account above it.
     *
     * @throws Problem `not_found`.
     */
    callable: (account: Pick<Account, 'id' | 'parentId'>, id: string): Promise<Tool> =>
      findTool(store.db, account.parentId ? [account.id, account.parentId] : [account.id], id),
    /**
     * Makes the tools of the operator's file those that it sells from it; others are retired.
     *
     * @throws Problem `invalid_request`, its message beginning with the name of the tool at fault.
     */
    async putFileTools(operator: Declarer, inputs: readonly ToolInput[]): Promise<void> {
      for (const input of inputs) {
        await put(deps, operator, { source: 'file', input }).catch((error) => {
          if (!(error instanceof Problem)) throw error
          throw new Problem(error.code, `${input.name}: ${error.message}`)
        })
      }
      const listed = new Set(inputs.map(({ name }) => name))
      for (const tool of await toolsFrom(store.db, operator.id, 'file')) {
        if (!listed.has(tool.name)) await retire(deps, tool)
      }
      names.forget()
    },
  }
}

async function put(
  deps: Deps,
  account: Declarer,
  { source, input, along }: { source: DeclaredSource; input: ToolInput; along?: Along | undefined },
) {
  const definition = definitionOf(deps.upstreams, input)
  const credential = handlerCredential(input.handler_auth)
  const { visibility } = input
  const declaration = { source, definition, visibility, credential, along }
  const declared = await declare(deps, account, declaration)
  deps.names.forget()
  return declared
}

function definitionOf(upstreams: Deps['upstreams'], input: ToolInput): ToolDefinition {
  const { name, description, input_schema, output_schema, annotations, tags } = input
  return {
    ...{ name, title: input.title ?? name, description, input_schema },
    ...(output_schema && { output_schema }),
    ...(annotations && { annotations }),
    ...(tags && { tags }),
    price: input.price ?? { model: 'free' },
    success: { status: '2xx' },
    requires_approval: input.require_human_approval ?? false,
    backend: { type: 'tool', handler_url: handlerUrl(upstreams, input.handler_url) },
  }
}
