/** A gateway of the simulation: the real spine, each step of which waits at a gate. */
import { type CallDeps, createSlots, type Outcome } from '#calls'
import { Problem } from '#core/problem'
import type { Ledger, Unit } from '#ledger'
import { createReceipts } from '#receipts'
import type { Store } from '#store'
import { createTelemetry } from '#telemetry'
import type { Answer } from '#upstreams'
import { onlyHttp } from '../support/only-http.js'
import { type Connected, type Database, type Process, vault } from './adapter.js'
import { catalogueOf, type Market, WORDS } from './market.js'
import type { Memory } from './memory.js'
import type { Mutant } from './mutants.js'
import type { Scheduler } from './scheduler.js'
import { type Reply, upstreamsThat } from './sellers.js'

const HOLD_LIFE_MS = 40_000
const SLOTS = { perKey: 6, overall: 14 }

/** What gateways share: the database, the sellers, and the one who writes it all down. */
export type Surroundings = {
  database: Database
  market: Market
  memory: Memory
  scheduler: Scheduler
  mutant: Mutant | undefined
  /** The time that sellers live by. */
  now(): number
  isRepriced(): boolean
  isDiskFull(): boolean
  replyTo(actor: string, isMetered: boolean): Reply
  log(line: string): void
}

export type Gateway = {
  name: string
  slot: number
  isDead: boolean
  /** Whether it takes orders. */
  isReady: boolean
  clock: { now(): number }
  connected: Connected
  slots: CallDeps['slots']
  running: CallDeps['running']
  sealer: CallDeps['sealer']
}

const telemetry = createTelemetry({
  level: 'silent',
  version: 'simulation',
  clock: { now: () => 0 },
  observed: {
    callsInFlight: () => 0,
    ledgerWaiting: () => 0,
    openHolds: async () => 0,
    openFlags: async () => 0,
    mcpServers: () => [],
  },
})

/** As a process starts: nothing in memory, everything in the database. */
export async function openGateway(
  { database }: Surroundings,
  slot: number,
  life: Pick<Gateway, 'name' | 'clock'> & Pick<Process, 'breaks'>,
): Promise<Gateway> {
  return {
    ...life,
    slot,
    isDead: false,
    isReady: false,
    connected: await database.connect({ slot, ...life }),
    slots: createSlots(SLOTS),
    running: new Map<string, Promise<Outcome>>(),
    sealer: vault.forMany(),
  }
}

/** In a simulation no account is below another, and no key ends. */
const everybodyAlone: CallDeps['accounts'] = {
  partyOf: async (accountId) => accountId,
  isSelfDealing: async (buyerId, sellerId) => buyerId === sellerId,
  renew: async (principal) => principal,
}

/** What the spine is given when it works for `actor`. */
export function depsFor(around: Surroundings, gateway: Gateway, actor: string): CallDeps {
  const { market, database, mutant, isRepriced } = around
  const ledger = gatedLedger(around, gateway, actor)
  return {
    store: gatedStore(around, gateway, actor),
    accounts: everybodyAlone,
    catalogue: catalogueOf(market, isRepriced),
    ledger: mutant?.ledger?.(ledger) ?? ledger,
    upstreams: upstreamsThat(({ url }, _credential, { callId }) =>
      ask(around, gateway, { actor, callId: callId!, isMetered: url.endsWith(WORDS) }),
    ),
    ...onlyHttp,
    receipts: createReceipts({ ring: database.ring, db: database.store.db }),
    sealer: gateway.sealer,
    telemetry,
    clock: gateway.clock,
    slots: gateway.slots,
    running: gateway.running,
    holdLifeMs: HOLD_LIFE_MS,
  }
}

/** What is read is known to the reader only later: others go on meanwhile. */
function gatedStore({ scheduler, memory }: Surroundings, gateway: Gateway, actor: string): Store {
  const { store } = gateway.connected
  return {
    ...store,
    async query<Row>(sql: string, values: Parameters<Store['query']>[1]) {
      const rows = await scheduler.work(() => store.query<Row>(sql, values))
      const [, table = ''] = /\bfrom (\w+)/.exec(sql) ?? []
      const subject = values.map((value) => nameOf(String(value), memory, actor)).find(Boolean)
      await scheduler.pass({ life: gateway, actor, step: `read ${table}`, subject })
      return rows
    },
  }
}

/** A commit waits before it is made; one that was made may never be known of. */
function gatedLedger(around: Surroundings, gateway: Gateway, actor: string): Ledger {
  const { scheduler, memory, log } = around
  const { ledger } = gateway.connected
  const reading = async <T>(step: string, read: () => Promise<T>) => {
    const found = await scheduler.work(read)
    await scheduler.pass({ life: gateway, actor, step })
    return found
  }
  return {
    ...ledger,
    async commit(unit) {
      const step = unit.commands[0]?.kind ?? 'rows'
      const subject = nameOf(unit.commands[0]?.reference ?? '', memory, actor)
      await scheduler.pass({ life: gateway, actor, step, subject, isCommit: true })
      if (around.isDiskFull()) throw new Problem('storage_full', 'There is no room.')
      const outcome = await scheduler.work(() => ledger.commit(unit))
      if (outcome.accepted) remember(around, gateway, actor, unit)
      else log(`${actor} ${step} refused: ${outcome.refusal.reason}`)
      return outcome
    },
    balanceOf: (account) => reading('read balance', () => ledger.balanceOf(account)),
    now: () => scheduler.work(() => ledger.now()),
    usedOf: (windows) => reading('read counters', () => ledger.usedOf(windows)),
    openHolds: (beforeMs, limit) => reading('read holds', () => ledger.openHolds(beforeMs, limit)),
  }
}

function remember(
  { memory, database, now }: Surroundings,
  gateway: Gateway,
  actor: string,
  unit: Unit,
): void {
  const { begun, granted, latestMs } = memory
  const judgedAtMs = database.setClock ? now() : latestMs
  for (const command of unit.commands) {
    const { reference } = command
    const call = begun.get(reference)
    if (command.kind === 'hold') {
      const lifeMs = command.deadlineMs - command.atMs
      const deadlineMs = database.setClock ? now() + lifeMs : command.deadlineMs
      begun.set(reference, { actor, gateway, deadlineMs, latestMs, end: undefined })
    } else if (command.kind === 'grant') {
      const { account, amount } = command
      granted.set(account, (granted.get(account) ?? 0n) + amount)
    } else if (call) {
      call.end = { judgedAtMs, gatewayWasDead: call.gateway.isDead }
    }
  }
}

/** Whose call it is, where it is another one's: ids differ from run to run, names do not. */
function nameOf(callId: string, { begun }: Memory, actor: string): string | undefined {
  const about = begun.get(callId)?.actor
  return about === actor ? undefined : about
}

async function ask(
  { scheduler, memory, now, replyTo }: Surroundings,
  gateway: Gateway,
  { actor, callId, isMetered }: { actor: string; callId: string; isMetered: boolean },
): Promise<Answer> {
  await scheduler.pass({ life: gateway, actor, step: 'send' })
  const reply = replyTo(actor, isMetered)
  memory.asked.set(callId, [...(memory.asked.get(callId) ?? []), reply])
  const readyAtMs = now() + reply.afterMs
  await scheduler.pass({ life: gateway, actor, step: 'reply', readyAtMs })
  return reply.answer
}
