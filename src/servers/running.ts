/** The servers at work: taken up from file and code at the start, then followed. */
import type { Accounts } from '#accounts'
import type { Id } from '#core/ids'
import { parseInput } from '#core/parse-input'
import { type AskingDeps, createAsking } from './asking.js'
import { storeConfigured } from './configured.js'
import { listingSlugOf } from './server.js'
import { type ServerInput, type ServerTerms, serverSchema } from './server-schema.js'

/** A server as code says it. */
export type CodeServer = ServerInput & {
  /** Asked before each request; it may keep a cache of its own. */
  tokenProvider?: { getToken(): Promise<string> } | undefined
}

export type RunningDeps = AskingDeps & { accounts: Pick<Accounts, 'bySlug'> }

export type Running = ReturnType<typeof createRunning>

export function createRunning(deps: RunningDeps) {
  const fromCode = new Map<string, ServerTerms>()
  let seller: Id<'account'> | undefined
  const asking = createAsking(deps, () => seller)
  const { roster } = asking

  return {
    ...asking,
    sellerId: (): Id<'account'> => seller!,
    /** Takes up what file and code say, and begins to serve. To be called once there is an operator. */
    async start(fromFile: readonly ServerTerms[]): Promise<void> {
      seller = (await deps.accounts.bySlug('operator'))!.id
      const gone = [
        ...(await storeConfigured(deps, 'file', fromFile, true)),
        ...(await storeConfigured(deps, 'code', [...fromCode.values()], true)),
      ]
      await roster.follow()
      for (const { server, discovery } of gone) await asking.giveUp(server, discovery)
      await asking.withdrawUnused()
      for (const { server } of roster.used()) asking.discoverSoon(server.id)
    },
    /**
     * Adds a server from code; it goes before one of the same name from file or API.
     *
     * @throws Problem `invalid_request`.
     */
    async add({ tokenProvider, ...said }: CodeServer): Promise<void> {
      const terms = parseInput(serverSchema, said, 'The server')
      const slug = listingSlugOf(terms.name)
      roster.setProvider(slug, tokenProvider && { provider: () => tokenProvider.getToken() })
      fromCode.set(slug, terms)
      if (seller === undefined) return
      await storeConfigured(deps, 'code', [terms], false)
      await roster.follow()
      await asking.withdrawUnused()
      const added = roster.named(terms.name)
      if (added) await asking.discoverPatiently(added.server.id)
    },
    /** Takes over what any gateway changed. For each second. */
    follow: async (): Promise<void> => {
      if (seller !== undefined) await roster.follow()
    },
    /** Whether every server of file and code was tried once, whatever came of it. */
    ready(): boolean {
      if (seller === undefined) return false
      const said = roster.used().filter(({ server }) => server.source !== 'api')
      return said.every(({ server }) => asking.wasTried(server.id))
    },
  }
}
