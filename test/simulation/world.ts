/** The state of one storm, and what everything in it does: draw lots, let time pass, act. */
import { Problem } from '#core/problem'
import { type Lots, lotsOf } from '../faults/lots.js'
import type { Database } from './adapter.js'
import type { Gateway, Surroundings } from './gateway.js'
import { newMarket, START_MS } from './market.js'
import { newMemory } from './memory.js'
import type { Mutant } from './mutants.js'
import { drawOrders, type OrderPlan } from './orders.js'
import type { Check } from './promises.js'
import { createScheduler, type Waiting } from './scheduler.js'
import { replyTo } from './sellers.js'

const ORDERS = 40

export type Run = {
  seed: string
  database: Database
  gateways: number
  mutant?: Mutant | undefined
  /** Orders that never come, to find out which ones it takes. */
  without?: ReadonlySet<string> | undefined
}

export type Story = {
  /** Promises that were broken, a line each. */
  broken: string[]
  /** What happened, a line each, the same in every run of the seed. */
  log: string[]
  orders: OrderPlan[]
  /** The steps before which somebody was when the gateway died. */
  cutAt: Set<string>
  /** What clients were told: outcomes and codes. */
  said: Set<string>
}

export type World = Surroundings & {
  run: Run
  lots: Lots
  /** What each gateway's clock is ahead, ms. */
  skewsMs: number[]
  timeMs: number
  steps: number
  diskIsFull: boolean
  /** When the connection to the database broke last. */
  brokenAtStep: number
  /** The gateway in each slot; the dead one until another follows. */
  gateways: Gateway[]
  /** Actors that have not come to their end; those of dead gateways never will. */
  unfinished: Map<string, Gateway>
  /** Orders that are still to come. */
  coming: OrderPlan[]
  story: Story
}

export function createWorld(run: Run): World {
  const lots = lotsOf(run.seed)
  const log: string[] = []
  const orders = drawOrders(lots, ORDERS).filter(({ name }) => !run.without?.has(name))
  const repricedAt = lots.between(0, 600, 'repriced')
  const world: World = {
    run,
    lots,
    database: run.database,
    market: newMarket(),
    memory: newMemory(START_MS),
    scheduler: createScheduler(),
    mutant: run.mutant,
    now: () => world.timeMs,
    isRepriced: () => world.steps > repricedAt,
    isDiskFull: () => world.diskIsFull,
    replyTo: (actor, isMetered) => replyTo(lots, actor, isMetered),
    log: (line) => log.push(`${world.steps} ${line}`),
    skewsMs: Array.from({ length: run.gateways }, () => 0),
    timeMs: START_MS,
    steps: 0,
    diskIsFull: false,
    brokenAtStep: 0,
    gateways: [],
    unfinished: new Map(),
    coming: [...orders],
    story: { broken: [], log, orders, cutAt: new Set(), said: new Set() },
  }
  return world
}

/** Runs something until it ends or its gateway dies. */
export function act(
  world: World,
  gateway: Gateway,
  actor: string,
  work: () => Promise<unknown>,
): void {
  world.unfinished.set(actor, gateway)
  world.log(`${actor} at ${gateway.name}`)
  work()
    .catch((error: Error) => {
      if (reasonOf(error) === 'storage_full') world.log(`${actor} finds no room`)
      else world.story.broken.push(`${actor} failed: ${error.message}`)
    })
    .finally(() => world.unfinished.delete(actor))
}

export function reasonOf(error: Error): string {
  return error instanceof Problem ? error.code : error.message
}

/** Whether nobody is left who could go on. */
export function isCalm({ unfinished }: World): boolean {
  return [...unfinished.values()].every(({ isDead }) => isDead)
}

/** Time goes by for all. */
export function pass(world: World, ms: number): void {
  world.timeMs += Math.max(ms, 0)
  const latest = world.timeMs + Math.max(...world.skewsMs)
  world.memory.latestMs = Math.max(world.memory.latestMs, latest)
}

/** For a database that has a clock of its own: to be called before it looks at it. */
export async function setClock({ database, timeMs }: World): Promise<void> {
  await database.setClock?.(timeMs)
}

/** Notes every promise that is broken now; after the first there is no need to look on. */
export async function look(world: World, check: Check): Promise<void> {
  const { story, database, market, memory, gateways } = world
  if (story.broken.length > 0) return
  const living = gateways.filter(({ isDead }) => !isDead)
  story.broken.push(...(await check({ database, market, memory, gateways: living })))
}

/** Opens a gate, or several that are written as one batch; `false` when there is none. */
export async function openSome(world: World): Promise<boolean> {
  const { lots, scheduler, steps, timeMs } = world
  const all = scheduler.waiting()
  const ready = all.filter(({ readyAtMs = 0 }) => readyAtMs <= timeMs)
  if (ready.length === 0) return waitFor(world, all)
  const first = anyOf(world, ready, 'gate')
  const isBatch = first.isCommit && lots.draw('batch', steps) < 0.4
  const others = isBatch ? ready.filter((gate) => goesAlong(gate, first)) : []
  const places = new Map(others.map((gate) => [gate, lots.draw('place', steps, gate.name)]))
  others.sort((a, b) => places.get(a)! - places.get(b)!)
  if (first.isCommit) await setClock(world)
  for (const gate of [first, ...others]) {
    world.log(gate.name)
    scheduler.open(gate)
  }
  return true
}

function goesAlong(gate: Waiting, first: Waiting): boolean {
  return gate.isCommit === true && gate.life === first.life && gate !== first
}

/** Nothing happens before the first of the slow sellers answers. */
function waitFor(world: World, gates: readonly Waiting[]): boolean {
  if (gates.length === 0) return false
  const first = Math.min(...gates.map(({ readyAtMs = 0 }) => readyAtMs))
  pass(world, first - world.timeMs)
  return true
}

export function anyReady(world: World): Gateway | undefined {
  const ready = world.gateways.filter(({ isDead, isReady }) => isReady && !isDead)
  return ready.length === 0 ? undefined : anyOf(world, ready, 'gateway')
}

export function anyOf<T>({ lots, steps }: World, all: readonly T[], what: string): T {
  return all[lots.between(0, all.length - 1, what, steps)]!
}
