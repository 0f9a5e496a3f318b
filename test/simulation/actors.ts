/** Who acts in a storm: clients, gateways that start and die, their jobs, the operator. */
import { call, priceOf, purge, reap } from '#calls'
import { newId } from '#core/ids'
import { nanos } from '#core/money'
import type { Break } from './adapter.js'
import { depsFor, type Gateway, openGateway } from './gateway.js'
import type { Market } from './market.js'
import type { OrderPlan } from './orders.js'
import { act, anyOf, anyReady, reasonOf, setClock, type World } from './world.js'

/** A client asks, for a quote first where it wants one, and is told what came of it. */
export function buy(world: World, gateway: Gateway, order: OrderPlan): void {
  const { memory, market, scheduler, story } = world
  const deps = depsFor(world, gateway, order.name)
  const principal = market.buyers[order.buyer]!.principals[order.key]!
  const { endpoint: endpointId, version, maxPrice, idempotencyKey } = order
  const asked = { endpointId, version, arguments: { order: order.argument } }
  memory.plans.set(order.name, order)
  world.log(shown(order, market))
  act(world, gateway, order.name, async () => {
    const result = await ask().catch((error: Error) => error)
    await scheduler.pass({ life: gateway, actor: order.name, step: 'tell' })
    memory.told.push({ order, result })
    const said = result instanceof Error ? reasonOf(result) : result.outcome
    story.said.add(said)
    world.log(`${order.name} is told ${said}`)
  })

  async function ask() {
    if (order.quote === 'own') {
      const { quote } = await priceOf(deps, principal, asked)
      memory.quotes.set(order.name, quote!.quote_id)
    }
    const quoteId = order.quote === 'none' ? undefined : memory.quotes.get(quotedIn(order))
    const isGone = () => order.leaves
    return call(deps, { ...asked, principal, maxPrice, quoteId, idempotencyKey, isGone })
  }
}

function shown(order: OrderPlan, { buyers }: Market): string {
  const { name, buyer, key, endpoint, idempotencyKey = 'no key', quote, leaves } = order
  const quoted = typeof quote === 'object' ? `quote of ${quote.of}` : `quote ${quote}`
  const who = `${buyers[buyer]!.name}, API key ${key}`
  return `${name}: ${who}, ${endpoint}, ${idempotencyKey}, ${quoted}${leaves ? ', leaves' : ''}`
}

function quotedIn({ quote, name }: OrderPlan): string {
  return typeof quote === 'object' ? quote.of : name
}

/** A process starts in a slot, and takes orders once it has reaped what it found. */
export async function start(world: World, slot: number): Promise<void> {
  const earlier = world.gateways[slot]
  const number = earlier ? Number(earlier.name.split('.')[1]) + 1 : 1
  const name = `gateway ${slot + 1}.${number}`
  const clock = { now: () => world.timeMs + world.skewsMs[slot]! }
  const breaks = () => breakAt(world)
  await setClock(world)
  const gateway = await openGateway(world, slot, { name, clock, breaks })
  world.gateways[slot] = gateway
  const actor = `start of ${name}`
  const deps = depsFor(world, gateway, actor)
  // One that has its database to itself knows that whoever held something is dead.
  const isSole = world.run.gateways === 1 && !world.database.setClock
  act(world, gateway, actor, async () => {
    try {
      await reap(deps, isSole ? Number.POSITIVE_INFINITY : await deps.ledger.now())
      gateway.isReady = true
    } catch (error) {
      await die(gateway)
      throw error
    }
  })
}

/** At most once a step: who tries again gets through. */
function breakAt(world: World): Break | undefined {
  const { lots, steps, brokenAtStep } = world
  const lot = lots.draw('breaks', steps)
  if (lot >= 0.01 || brokenAtStep === steps) return undefined
  world.brokenAtStep = steps
  return lot < 0.005 ? 'before' : 'after'
}

/** The process is gone, with all that waits in it. */
export async function die(gateway: Gateway): Promise<void> {
  gateway.isDead = true
  await gateway.connected.abandon()
}

export async function startReaping(world: World): Promise<void> {
  const gateway = anyReady(world)
  if (!gateway) return
  await setClock(world)
  const { mutant, steps } = world
  const actor = `reap ${steps}`
  const deps = depsFor(world, gateway, actor)
  act(world, gateway, actor, async () => {
    const nowMs = await deps.ledger.now()
    await reap(deps, mutant?.reapsBefore?.(nowMs) ?? nowMs)
  })
}

export function startPurging(world: World): void {
  const gateway = anyReady(world)
  if (!gateway) return
  const { memory, scheduler, steps } = world
  const { connected, clock } = gateway
  memory.purgedMs = Math.max(memory.purgedMs, clock.now())
  act(world, gateway, `purge ${steps}`, () =>
    scheduler.work(() => purge({ store: connected.store, clock })),
  )
}

export async function startTending(world: World): Promise<void> {
  const gateway = anyReady(world)
  if (!gateway) return
  await setClock(world)
  const { scheduler, steps } = world
  const { ledger } = gateway.connected
  act(world, gateway, `tend ${steps}`, () => scheduler.work(() => ledger.tend()))
}

/** The operator gives a buyer credit, for some ten calls. */
export function grant(world: World, buyer = anyOf(world, world.market.buyers, 'granted')): void {
  const gateway = anyReady(world)
  if (!gateway) return
  const { lots, steps } = world
  const actor = `grant ${steps} ${buyer.name}`
  const amount = nanos(BigInt(lots.between(1_000_000, 14_000_000, 'amount', actor)))
  const atMs = gateway.clock.now()
  const reference = newId('grant', atMs)
  const terms = { reference, account: buyer.id, amount, memo: 'credit', atMs }
  const { ledger } = depsFor(world, gateway, actor)
  act(world, gateway, actor, () => ledger.commit({ commands: [{ kind: 'grant', ...terms }] }))
}
