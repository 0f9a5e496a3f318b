/** Logs and metrics. One helper per event that matters; nothing else in the house logs or counts. */

import { type DestinationStream, type Logger, pino } from 'pino'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '#core/clock'
import { newId } from '#core/ids'
import { redacted } from './redact.js'

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

export type CallEnded = {
  callId: string
  endpointId: string
  outcome: string
  status: number | null
  code: string | undefined
  /** Time in the upstream and in the gateway, ms. */
  upstreamMs: number
  ownMs: number
}

/** Whether an MCP server is connected to this process. */
export type ServerStanding = { server: string; isUp: boolean }

export type Telemetry = {
  log: Logger
  callEnded(event: CallEnded): void
  /** A call or another request that was refused before anything happened. */
  refused(code: string, face: 'mcp' | 'rest'): void
  /** A failure of the gateway itself. The trace id it gives is all that the client is told. */
  failed(error: unknown): string
  /** A listing was probed; `finding` says what that tells of it. */
  probed(event: { endpointId: string; finding: string }): void
  /** A listing was taken off sale because it kept failing; `reason` is the last failure. */
  listingPaused(event: { listing: string; reason: string }): void
  listingResumed(event: { listing: string }): void
  /** Something befell the connection to an MCP server; `detail` names no address and no secret. */
  mcpServer(event: { name: string; what: string; detail: string }): void
  flushed(units: number, tookMs: number): void
  /** For who is told when Meilisearch fails at something, and when it works again. */
  watchMeilisearch(doing: 'searching' | 'indexing'): { away(error: unknown): void; back(): void }
  /** The metrics in Prometheus' text form. */
  metrics(): Promise<string>
}

/** Log lines that could not be written yet are kept up to this length in all, then dropped. */
const MAX_UNWRITTEN_LENGTH = 4 * 1024 * 1024
const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60]

/**
 * @param observed read when metrics are asked for.
 */
export function createTelemetry(options: {
  level: LogLevel
  version: string
  clock: Clock
  observed: {
    callsInFlight(): number
    ledgerWaiting(): number
    openHolds(): Promise<number>
    openFlags(): Promise<number>
    mcpServers(): readonly ServerStanding[]
  }
  destination?: NodeJS.WritableStream
}): Telemetry {
  const log = createLog(options.level, options.destination)
  const registry = new Registry()
  const meters = createMeters(registry)
  collectDefaultMetrics({ register: registry, prefix: 'souk_' })
  observe(registry, options.version, options.observed)

  return {
    log,
    callEnded(event) {
      meters.calls.inc({ outcome: event.outcome })
      meters.own.observe(event.ownMs / 1000)
      meters.upstream.observe(event.upstreamMs / 1000)
      log.info(
        {
          call_id: event.callId,
          endpoint_id: event.endpointId,
          outcome: event.outcome,
          status: event.status,
          code: event.code,
          upstream_ms: Math.round(event.upstreamMs),
          own_ms: Math.round(event.ownMs * 10) / 10,
        },
        'call ended',
      )
    },
    refused: (code, face) => meters.refusals.inc({ code, face }),
    failed(error) {
      const traceId = newId('trace', options.clock.now())
      meters.failures.inc()
      log.error({ trace_id: traceId, err: error }, 'the gateway failed')
      return traceId
    },
    probed({ endpointId, finding }) {
      meters.probes.inc({ finding })
      log.debug({ endpoint_id: endpointId, finding }, 'endpoint probed')
    },
    listingPaused({ listing, reason }) {
      meters.healthMoves.inc({ move: 'paused' })
      log.warn({ listing, reason }, 'listing paused: it kept failing')
    },
    listingResumed({ listing }) {
      meters.healthMoves.inc({ move: 'resumed' })
      log.warn({ listing }, 'listing back on sale')
    },
    mcpServer({ name, what, detail }) {
      const level = what === 'failed' || what === 'exited' ? 'warn' : 'info'
      log[level]({ server: name, what, detail }, 'MCP server')
    },
    flushed(units, tookMs) {
      meters.flushUnits.observe(units)
      meters.flushSeconds.observe(tookMs / 1000)
    },
    watchMeilisearch: (doing) => ({
      away: (error) => {
        log.warn({ doing, err: error }, 'Meilisearch fails; the embedded index answers meanwhile')
      },
      back: () => log.warn({ doing }, 'Meilisearch works again'),
    }),
    metrics: () => registry.metrics(),
  }
}

function createLog(level: LogLevel, destination?: NodeJS.WritableStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: redacted },
      // Errors were made plain before they get here.
      serializers: { err: (plain) => plain },
    },
    destination ?? standardError(),
  )
}

/** Standard error may be a file on a disk that is full: calls matter more than lines about them. */
function standardError(): DestinationStream {
  const destination = pino.destination({
    dest: 2,
    sync: false,
    minLength: 4096,
    periodicFlush: 500,
    maxLength: MAX_UNWRITTEN_LENGTH,
  })
  let hasFailed = false
  destination.on('error', () => {
    if (hasFailed) return
    hasFailed = true
    // At the end, pino tries to write the rest for as long as it fails.
    process.once('beforeExit', () => destination.destroy())
  })
  return destination
}

function createMeters(registry: Registry) {
  const registers = [registry]
  return {
    calls: new Counter({
      name: 'souk_calls_total',
      help: 'Calls that ended, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    refusals: new Counter({
      name: 'souk_refusals_total',
      help: 'Requests refused before anything happened, by code and face',
      labelNames: ['code', 'face'],
      registers,
    }),
    failures: new Counter({
      name: 'souk_failures_total',
      help: 'Failures of the gateway itself',
      registers,
    }),
    own: new Histogram({
      name: 'souk_call_own_seconds',
      help: "The gateway's own time of a call, upstream not included",
      buckets: SECONDS,
      registers,
    }),
    upstream: new Histogram({
      name: 'souk_upstream_seconds',
      help: 'Time that upstreams took',
      buckets: SECONDS,
      registers,
    }),
    probes: new Counter({
      name: 'souk_probes_total',
      help: 'Probes of listings, by what they found',
      labelNames: ['finding'],
      registers,
    }),
    healthMoves: new Counter({
      name: 'souk_health_moves_total',
      help: 'Listings paused because they kept failing, and brought back',
      labelNames: ['move'],
      registers,
    }),
    flushUnits: new Histogram({
      name: 'souk_ledger_flush_units',
      help: 'Units of work that shared one durable transaction',
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    }),
    flushSeconds: new Histogram({
      name: 'souk_ledger_flush_seconds',
      help: 'Time of one durable transaction',
      buckets: SECONDS,
      registers,
    }),
  }
}

function observe(
  registry: Registry,
  version: string,
  observed: {
    callsInFlight(): number
    ledgerWaiting(): number
    openHolds(): Promise<number>
    openFlags(): Promise<number>
    mcpServers(): readonly ServerStanding[]
  },
): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        try {
          this.set(await read())
        } catch {
          // The rest is worth having while the database does not answer.
          this.remove()
        }
      },
    })
  gauge('souk_calls_in_flight', 'Calls in flight in this process', observed.callsInFlight)
  gauge(
    'souk_ledger_waiting_units',
    'Units of work that are not answered yet',
    observed.ledgerWaiting,
  )
  gauge('souk_holds_open', 'Holds that are neither captured nor released', observed.openHolds)
  gauge('souk_text_flags_open', 'Texts of sellers for the operator to look at', observed.openFlags)
  new Gauge({
    name: 'souk_mcp_server_up',
    help: 'Whether an MCP server is connected to this process',
    labelNames: ['server'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { server, isUp } of observed.mcpServers()) this.set({ server }, isUp ? 1 : 0)
    },
  })
  new Gauge({
    name: 'souk_build_info',
    help: 'The version that runs',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1)
}
