/** Tools: what an account declares with a handler of its own, and functions of this process. */
import type { Clock } from '#core/clock'
import { currentRevision, type Store } from '#store'
import { keptByAccount } from './by-account.js'
import { type CodeTool, createCodeTools } from './code-tools.js'
import { createDeclaredTools } from './declared-tools.js'
import type { Declared } from './declaring.js'
import { createSigningSecrets } from './signing-secrets.js'
import { type NamedTool, readNames, TOOLS } from './tool-names.js'

export type { CodeCall, CodeTool } from './code-tools.js'
export { claimNames, releaseNames } from './tool-names.js'
export { fileToolsSchema, type ToolInput, toolSchema } from './tool-schema.js'
export type { StandardSchema, ValueSchema } from './value-schema.js'

type Deps = Parameters<typeof createDeclaredTools>[0] &
  Parameters<typeof createCodeTools>[0] & {
    store: Store
    clock: Clock
    vault: { deriveKey(purpose: string): Buffer }
  }

export type Tools = ReturnType<typeof createTools>

export function createTools(deps: Omit<Deps, 'secrets' | 'names'>) {
  const { store, clock } = deps
  const key = deps.vault.deriveKey('handler-signature')
  const secrets = createSigningSecrets({ store, clock, key })
  const codeTools = createCodeTools(deps)
  const names = keptByAccount<NamedTool[]>((accountId) =>
    readNames(store, accountId, codeTools.isHere),
  )
  let seen: number | undefined
  return {
    ...createDeclaredTools({ ...deps, secrets, names }),
    signingSecret: secrets.current,
    rotateSigningSecret: secrets.rotate,
    /** The headers by which a handler of this account knows who calls. */
    signHandlerCall: secrets.sign,
    codeTools: {
      ...codeTools,
      async register<Args>(tool: CodeTool<Args>): Promise<Declared> {
        const declared = await codeTools.register(tool)
        names.forget()
        return declared
      },
    },
    /**
     * The tools of an account itself, one for each name: functions of this process first, then the
     * operator's file, what was declared by REST, what was discovered at MCP servers.
     */
    namedTools: names.of,
    /** The endpoint that has a name in an account, if one has. */
    endpointNamed: async (accountId: string, name: string): Promise<string | undefined> =>
      (await names.of(accountId)).find((tool) => tool.name === name)?.endpointId,
    /** Another number whenever the names of any account may have changed. */
    edition: names.edition,
    /** To be called every second: learns of names and secrets that another gateway changed. */
    async follow(): Promise<void> {
      const revision = await currentRevision(store.db, TOOLS)
      if (revision === seen) return
      seen = revision
      names.forget()
      secrets.forget()
    },
  }
}
