/** The composition root: the only file that chooses adapters and knows how they fit together. */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Accounts, createAccounts } from '#accounts'
import { type Approvals, createApprovals } from '#approvals'
import { type AuditLog, createAudit } from '#audit'
import { createSlots, type Outcome } from '#calls'
import { catalogueName, createCatalogue } from '#catalogue'
import { createConnections } from '#connections'
import { type Clock, systemClock } from '#core/clock'
import { createDashboard, errorPage } from '#dashboard'
import { createGateways } from '#gateways'
import { createHttpServer, type HttpDeps, readBody } from '#http'
import type { Ledger } from '#ledger'
import { createMcpFace } from '#mcp'
import { createAccessTokens, createOAuth } from '#oauth'
import { welcome } from '#payments'
import { createPeople } from '#people'
import { createReceipts, loadKeyRing } from '#receipts'
import { embeddedSearch, fallbackSearch, meilisearch } from '#search'
import { createServers } from '#servers'
import type { Store } from '#store'
import { createTelemetry, type Telemetry } from '#telemetry'
import { claimNames, createTools, releaseNames } from '#tools'
import { createUpstreams } from '#upstreams'
import type { Config } from './config.js'
import { openHome } from './home.js'
import { choosePlace, type Place } from './listening.js'
import { openVault } from './open-vault.js'

/** A hold lives as long as the upstream may take, and this margin. */
const HOLD_MARGIN_MS = 10_000
const MAX_ANSWER_BYTES = 10 * 1024 * 1024
const VERSION = '0.1.0'

/** The project's folder, from source and from the build alike. */
const ROOT = [1, 2, 3]
  .map((levels) => fileURLToPath(new URL('../'.repeat(levels), import.meta.url)))
  .find((folder) => existsSync(join(folder, 'package.json')))!

export type Gateway = Awaited<ReturnType<typeof compose>>

/** Everything wired together and nothing running yet, but for what has to be read first. */
export async function compose(config: Config) {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  const place = await choosePlace(config)
  const house = await openHouse(config, place, () => backends.servers.standing())
  const { store, clock, vault, catalogue, publicUrl, search, home, ring, ...rest } = house
  const approvals = createApprovals(house)
  const audit = createAudit({ store, clock, key: vault.deriveKey('audit') })
  const forPeople = openForPeople(config, { ...house, approvals, audit })
  const backends = openBackends({ ...house, accounts: forPeople.accounts, config })
  const deps = {
    ...{ ...rest, ...backends, ...forPeople, store, clock, vault, catalogue, publicUrl, approvals },
    gateways: createGateways({
      ...{ store, clock, catalogue, tools: backends.tools },
      isServer: (name) => backends.servers.settingsOf(name) !== undefined,
    }),
    receipts: createReceipts({ ring, db: store.db }),
    running: new Map<string, Promise<Outcome>>(),
    holdLifeMs: config.upstreamTimeMs + HOLD_MARGIN_MS,
    audit,
    topUpUrl: `${publicUrl}/docs#accounts`,
    publicBrowse: config.publicBrowse,
    sandbox: config.sandbox,
    readBody,
    sessionKey: vault.deriveKey('mcp-session'),
    stateKey: vault.deriveKey('mcp-request-state'),
  }
  const mcp = createMcpFace(deps)
  const server = createHttpServer({ ...deps, mcp } satisfies HttpDeps)
  return {
    config,
    deps,
    server,
    root: ROOT,
    isSole: home.isSole,
    listen: () => place.listen(server),
    /** Closes what was opened, in reverse order. Calls must have been drained before. */
    close: async () => {
      mcp.close()
      await backends.servers.close()
      await backends.connections.close()
      await catalogue.close()
      await house.upstreams.close()
      await search.close()
      await house.ledger.close()
      await store.close()
    },
  }
}

/**
 * What all else stands on.
 *
 * @param mcpServers how the MCP servers are, for the metrics; they are opened later.
 */
async function openHouse(config: Config, place: Place, mcpServers: Observed['mcpServers']) {
  const clock = systemClock
  const home = await openHome(config)
  const { store, leases } = home
  const vault = await openVault(config, store).catch(async (error) => {
    await store.close()
    throw error
  })
  const publicUrl = config.publicUrl ?? place.url
  const ring = await loadKeyRing({ db: store.db, vault, clock })
  const slots = createSlots({ perKey: config.maxInFlightPerKey, overall: config.maxInFlight })
  const telemetry = createTelemetry({
    level: config.logLevel,
    version: VERSION,
    clock,
    observed: {
      callsInFlight: () => slots.inFlight(),
      ledgerWaiting: () => ledger.waiting(),
      openHolds: () => ledger.openHoldCount(),
      openFlags: () => catalogue.openFlags(),
      mcpServers,
    },
  })
  const ledger: Ledger = await home.openLedger({
    clock,
    issuer: publicUrl,
    key: ring.current,
    onFlush: telemetry.flushed,
  })
  const upstreams = openUpstreams(config, clock)
  const { search, remote } = await openSearch({ config, store, clock, telemetry })
  const parts = { store, clock, vault, upstreams, search, remote }
  const catalogFolder = join(ROOT, 'catalog')
  const catalogue = await createCatalogue({ ...parts, catalogFolder, learns: config.learning })
  const sealer = vault.forMany()
  const opened = { home, store, leases, clock, vault, sealer, publicUrl, ring, slots }
  return { ...opened, telemetry, ledger, upstreams, search, catalogue }
}

type House = Awaited<ReturnType<typeof openHouse>>
type Observed = Parameters<typeof createTelemetry>[0]['observed']

/** Accounts, how people come in, what they let in, and the pages where they do. */
function openForPeople(
  { sandbox, signUp: signUpMode }: Config,
  house: House & { approvals: Approvals; audit: AuditLog },
) {
  const accounts = createAccounts({
    ...house,
    signUp: signUpMode,
    keyEnvironment: sandbox ? 'test' : 'live',
    tokens: createAccessTokens(house),
  })
  const people = createPeople(house)
  const { fetchDocument } = house.upstreams
  const { failed } = house.telemetry
  const oauth = createOAuth({ ...house, accounts, people, fetchDocument, errorPage, failed })
  const dashboard = createDashboard({
    ...{ ...house, accounts, people, oauth, readBody, signUpMode },
    signUp: (input, along) => welcome({ ...house, accounts, sandbox }, input, along),
  })
  return { accounts, people, oauth, dashboard }
}

type ForBackends = House & { config: Config; accounts: Accounts }

/** What answers calls beside HTTP APIs. */
function openBackends(deps: ForBackends) {
  const { config, vault, telemetry } = deps
  const report = (error: unknown) => void telemetry.failed(error)
  const tools = createTools({ ...deps, report, timeMs: config.upstreamTimeMs })
  const { signHandlerCall, codeTools } = tools
  const traceKey = vault.deriveKey('call-trace')
  return { tools, signHandlerCall, codeTools, traceKey, ...openServers(deps) }
}

/** The operator's MCP servers, and the connections to them. */
function openServers(deps: ForBackends) {
  const { config, telemetry } = deps
  const { stdio, upstreamTimeMs, mcp } = config
  const connections = createConnections({
    ...deps,
    userAgent: userAgentOf(config),
    stdio: stdio === 'off' ? 'off' : 'on',
    environment: config.childEnvironment,
    maxBodyBytes: MAX_ANSWER_BYTES,
    report: telemetry.mcpServer,
  })
  const servers = createServers({
    ...{ ...deps, connections, stdio },
    names: {
      claim: (tx, accountId, named) => claimNames(tx, accountId, 'discovered', named),
      release: releaseNames,
    },
    timeouts: {
      toolCallMs: mcp.toolCallTimeoutMs,
      connectionMs: mcp.connectionTimeoutMs,
      maxCallMs: upstreamTimeMs,
    },
    failed: (error) => void telemetry.failed(error),
  })
  return { connections, servers }
}

function userAgentOf({ contact }: Config): string {
  return `Souk/${VERSION}${contact ? ` (${contact})` : ''}`
}

function openUpstreams(config: Config, clock: Clock) {
  return createUpstreams({
    allow: config.egressAllow,
    timeoutMs: config.upstreamTimeMs,
    maxBodyBytes: MAX_ANSWER_BYTES,
    userAgent: userAgentOf(config),
    clock,
  })
}

/** The embedded index is always there and in step; Meilisearch answers first where it is set. */
async function openSearch(deps: {
  config: Config
  store: Store
  clock: Clock
  telemetry: Telemetry
}) {
  const { config, store, clock, telemetry } = deps
  const embedded = embeddedSearch(join(config.dataDir, 'search.index'), telemetry.failed)
  if (!config.meilisearch) return { search: embedded, remote: undefined }
  const remote = meilisearch(config.meilisearch, await catalogueName(store.db))
  const watch = telemetry.watchMeilisearch('searching')
  return {
    search: fallbackSearch({ embedded, remote, clock, watch }),
    remote: { remote, watch: telemetry.watchMeilisearch('indexing') },
  }
}
