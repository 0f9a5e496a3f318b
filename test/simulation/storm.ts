/**
 * One seed, from the first order to the last promise: orders come in, steps follow one another in
 * any order, gateways die and start again, clocks jump, the disk fills up; then all of it ends.
 */
import { buy, die, grant, start, startPurging, startReaping, startTending } from './actors.js'
import { brokenAtTheEnd, brokenNow } from './promises.js'
import {
  anyOf,
  anyReady,
  createWorld,
  isCalm,
  look,
  openSome,
  pass,
  type Run,
  type Story,
  type World,
} from './world.js'

const HOUR_MS = 3_600_000
/** Far more than any storm takes. */
const MAX_STEPS = 20_000
/** How many ask again at the same time. */
const AT_ONCE = 6

/** Never throws: whatever goes wrong is part of the story. */
export async function simulate(run: Run): Promise<Story> {
  const world = createWorld(run)
  try {
    await begin(world)
    await storm(world)
    await calmDown(world)
    await look(world, brokenNow)
    await askAgain(world)
    await calmDown(world)
    await look(world, brokenAtTheEnd)
  } catch (error) {
    world.story.broken.push(`the simulation failed: ${(error as Error).stack}`)
  }
  await Promise.all(world.gateways.map(({ connected }) => connected.abandon()))
  return world.story
}

async function begin(world: World): Promise<void> {
  for (let slot = 0; slot < world.run.gateways; slot++) await start(world, slot)
  await drain(world)
  for (const buyer of world.market.buyers) grant(world, buyer)
  await drain(world)
}

async function storm(world: World): Promise<void> {
  const { lots, coming, story } = world
  const rate = 0.1 + 0.4 * lots.draw('rate')
  const events = weatherOf(world)
  while (story.broken.length === 0) {
    await nextStep(world)
    if (await rareEvent(world, events)) continue
    const isComing = coming.length > 0 && lots.draw('comes', world.steps) < rate
    if (isComing) comeIn(world)
    else if (!(await openSome(world)) && coming.length === 0 && isCalm(world)) return
  }
}

type Events = readonly (readonly [chance: number, happen: (world: World) => unknown])[]

/** How often what happens, a step. */
const EVENTS: Events = [
  [0.01, crash],
  [0.06, revive],
  [0.02, jump],
  [0.002, fillDisk],
  [0.02, makeRoom],
  [0.03, startReaping],
  [0.004, startPurging],
  [0.02, startTending],
  [0.01, (world) => grant(world)],
  [0.02, (world) => look(world, brokenNow)],
]
/** Each seed has weather of its own: where one thing is frequent and another rare, more meet. */
const WEATHER = [0.2, 1, 4]

function weatherOf({ lots }: World): Events {
  return EVENTS.map(([usual, happen], place) => {
    const lot = lots.between(0, WEATHER.length - 1, 'weather', place)
    return [usual * WEATHER[lot]!, happen]
  })
}

/** @returns whether there was one. */
async function rareEvent(world: World, events: Events): Promise<boolean> {
  let rest = world.lots.draw('event', world.steps)
  for (const [chance, happen] of events) {
    if (rest < chance) {
      await happen(world)
      return true
    }
    rest -= chance
  }
  return false
}

async function nextStep(world: World): Promise<void> {
  world.steps++
  if (world.steps > MAX_STEPS) throw new Error('the storm does not end')
  pass(world, world.lots.between(0, 300, 'tick', world.steps))
  await world.scheduler.settled()
}

function comeIn(world: World): void {
  const gateway = anyReady(world)
  if (gateway) buy(world, gateway, world.coming.shift()!)
}

async function crash(world: World): Promise<void> {
  const gateway = anyOf(world, world.gateways, 'crash')
  if (gateway.isDead) return
  for (const { life, step } of world.scheduler.waiting()) {
    if (life === gateway) world.story.cutAt.add(step)
  }
  world.log(`${gateway.name} dies`)
  await die(gateway)
}

async function revive(world: World): Promise<void> {
  const dead = world.gateways.find(({ isDead }) => isDead)
  if (dead) await start(world, dead.slot)
}

/** The clock of one gateway is set: by minutes mostly, at times by more than a day. */
function jump(world: World): void {
  const { lots, steps, skewsMs } = world
  const slot = lots.between(0, skewsMs.length - 1, 'whose clock', steps)
  const isFar = lots.draw('far', steps) < lots.draw('how far') / 2
  const range = isFar ? 40 * HOUR_MS : HOUR_MS
  const ms = lots.between(-range, range, 'jump', steps)
  skewsMs[slot]! += ms
  world.log(`the clock of gateway ${slot + 1} jumps by ${ms} ms`)
  pass(world, 0)
}

function fillDisk(world: World): void {
  world.diskIsFull = true
  world.memory.wasDiskFull = true
  world.log('the disk is full')
}

function makeRoom(world: World): void {
  if (world.diskIsFull) world.log('the disk has room again')
  world.diskIsFull = false
}

/** Lets everything that has begun come to its end. */
async function drain(world: World): Promise<void> {
  do await nextStep(world)
  while (await openSome(world))
  const stuck = [...world.unfinished].filter(([, { isDead }]) => !isDead)
  world.story.broken.push(...stuck.map(([actor]) => `${actor} never ends`))
}

/** All gateways run, every deadline is over, and what was left behind is reaped. */
async function calmDown(world: World): Promise<void> {
  const { database, gateways, story } = world
  if (story.broken.length > 0) return
  makeRoom(world)
  await drain(world)
  for (const { isDead, slot } of gateways) if (isDead) await start(world, slot)
  await drain(world)
  const open = await database.ledger.openHolds(Number.MAX_SAFE_INTEGER, 1_000)
  const judges = database.setClock ? [world.timeMs] : gateways.map(({ clock }) => clock.now())
  const slowest = Math.min(...judges)
  pass(world, Math.max(0, ...open.map(({ deadlineMs }) => deadlineMs + 1 - slowest)))
  await startReaping(world)
  await drain(world)
}

/** Most of those that could ask again do, a few at a time, whatever they were told. */
async function askAgain(world: World): Promise<void> {
  const { lots, story } = world
  for (const [n, order] of story.orders.entries()) {
    const gateway = anyReady(world)
    const { idempotencyKey, name } = order
    if (gateway && idempotencyKey !== undefined && lots.draw('again', name) < 0.7) {
      buy(world, gateway, { ...order, name: `${name} again`, leaves: false })
    }
    if (n % AT_ONCE === 0) await drain(world)
  }
  await drain(world)
}
