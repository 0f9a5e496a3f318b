/** Three gateways on one PostgreSQL, each in a folder of its own, and a seller that outlives them. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { connectPipeline } from '#store'
import {
  build,
  emptyFolder,
  type GatewayProcess,
  startGateway,
} from '../journeys/gateway-process.js'
import { aPostgresServer } from '../support/a-postgres.js'
import type { PostgresServer } from '../support/postgres-server.js'
import { expectPromisesKept } from './expect-promises.js'
import { type FlakyUpstream, flakyUpstream } from './flaky-upstream.js'
import { keptRecordsOnPostgres } from './kept-records.js'
import { buyUntil, newPurchase, type Send, sendAgain } from './load.js'
import { type Lots, lotsOf } from './lots.js'
import {
  type Market,
  OPERATOR_KEY,
  openMarket,
  type Party,
  type Purchase,
  type Sent,
  send,
} from './market.js'
import { type Moments, momentsOf } from './moments.js'
import { type Wire, wireTo } from './wire.js'

const GATEWAYS = 3
const BUYERS = 4
/** How long an upstream that says nothing is waited for: a hold lives ten seconds longer. */
const UPSTREAM_TIME_MS = 400
/** Before an order is sent once more that could not be answered yet. */
const PAUSE_MS = 50
const LOG_LENGTH = 3_000

/** One of the gateways, from start to start. */
export type Member = {
  gateway: GatewayProcess
  /** Whether requests to it may come to nothing. */
  isDown: boolean
}

export type Fleet = {
  lots: Lots
  /** Told of all that happens to purchases. */
  moments: Moments
  /** The number of the round: orders are named after it, and its lots are drawn by it. */
  round: number
  members: readonly Member[]
  market: Market
  server: PostgresServer
  /** On which the first member reaches the database. */
  wire: Wire
  upstream: FlakyUpstream
  /** All that was ever asked for. */
  purchases: readonly Purchase[]
  /** Any member, by lot. */
  anyMember(): Member
  /** A new purchase, by the first buyer unless another is named. */
  purchase(order: string, buyer?: Party): Purchase
  /** Sends a purchase to this gateway; `lost` when it went down meanwhile. */
  sendTo(member: Member, purchase: Purchase): Promise<Sent | 'lost'>
  /** Sends a purchase to the gateway whose turn it is: each time another one than the last. */
  send(purchase: Purchase): Promise<Sent | 'lost'>
  /** Buys with all callers until it is over, and gives all that was asked for. */
  buyUntil(isOver: () => boolean, send: Send): Promise<Purchase[]>
  /** Sends purchases once more, to one gateway after the other until each is answered. */
  sendAgain(purchases: readonly Purchase[]): Promise<void>
  /** Sells something to every buyer from this gateway alone. */
  sellFrom(member: Member, occasion: string): Promise<void>
  /** Starts one gateway more. */
  join(): Promise<Member>
  /** Stops a member as a person does; it must end well. */
  leave(member: Member): Promise<void>
  /** Starts a member again that was killed. */
  startAgain(member: Member): Promise<void>
  query<Row>(sql: string): Promise<Row[]>
  expectPromisesKept(): Promise<void>
  /** What every gateway said last. */
  lastWords(): string
  /** Closes the database and the seller, once no gateway runs any more. */
  close(): Promise<void>
}

export async function openFleet(seed: string): Promise<Fleet> {
  await build()
  const lots = lotsOf(seed)
  const moments = momentsOf(lots)
  const [server, upstream] = await Promise.all([aPostgresServer(), flakyUpstream(lots, moments)])
  const wire = await wireTo(server.url)
  const { start, folders } = gatewaysOn([wire.url, server.url], upstream)
  const members: Member[] = []
  const purchases: Purchase[] = []
  for (let place = 0; place < GATEWAYS; place++) await join()
  const market = await openMarket(members[0]!.gateway.url, upstream.baseUrl, BUYERS)

  const fleet: Fleet = {
    lots,
    moments,
    round: 0,
    members,
    market,
    server,
    wire,
    upstream,
    purchases,
    anyMember: () => members[lots.between(0, members.length - 1, 'member', fleet.round)]!,
    purchase(order, buyer = market.buyers[0]!) {
      const purchase = newPurchase(buyer, order)
      purchases.push(purchase)
      return purchase
    },
    sendTo,
    send: sendToNext,
    async buyUntil(isOver, send) {
      const load = { lots, buyers: market.buyers, round: fleet.round, send }
      const fresh = await buyUntil(isOver, load)
      purchases.push(...fresh)
      return fresh
    },
    sendAgain: (again) => sendAgain(lots, again, sendUntilAnswered),
    async sellFrom(member, occasion) {
      const place = members.indexOf(member)
      for (const buyer of market.buyers) {
        const order = `round-${fleet.round}-${occasion}-${place}-${buyer.id}`
        expect(await sendTo(member, fleet.purchase(order, buyer))).toBe('answered')
      }
    },
    join,
    async leave(member) {
      members.splice(members.indexOf(member), 1)
      member.gateway.kill('SIGTERM')
      expect(await member.gateway.ended).toMatchObject({ code: 0 })
    },
    async startAgain(member) {
      member.gateway = await start(members.indexOf(member))
      member.isDown = false
    },
    query: (sql) => queryOnce(server.url, sql),
    expectPromisesKept: () =>
      expectPromisesKept(members[0]!.gateway.url, {
        market,
        purchases,
        upstream,
        records: () => keptRecordsOnPostgres(server.url),
      }),
    lastWords: () => folders.map(({ path }) => lastWordsIn(path)).join('\n'),
    async close() {
      await Promise.all([wire.close(), upstream.close(), server.close()])
      for (const folder of folders) folder.remove()
    },
  }
  return fleet

  async function join(): Promise<Member> {
    const member = { gateway: await start(members.length), isDown: false }
    members.push(member)
    return member
  }

  function sendToNext(purchase: Purchase): Promise<Sent | 'lost'> {
    const first = lots.between(0, members.length - 1, 'gateway', purchase.order)
    return sendTo(members[(first + purchase.sends) % members.length]!, purchase)
  }

  async function sendTo(member: Member, purchase: Purchase): Promise<Sent | 'lost'> {
    const { gateway } = member
    moments.happened('asked')
    try {
      const sent = await send(gateway.url, purchase)
      if (sent === 'answered') moments.happened('answered')
      if (sent === 'busy') purchase.isLost = true
      return sent
    } catch (error) {
      // What `fetch` throws when a connection breaks; nothing else may be taken for the fault.
      const wasKilled = member.isDown || member.gateway !== gateway
      if (!wasKilled || !(error instanceof TypeError)) throw error
      purchase.isLost = true
      return 'lost'
    }
  }

  async function sendUntilAnswered(purchase: Purchase): Promise<void> {
    while ((await sendToNext(purchase)) !== 'answered') await pause(PAUSE_MS)
  }
}

/** @param databases how the gateways reach theirs, in order; those that are left, by the last way. */
function gatewaysOn(databases: readonly string[], upstream: FlakyUpstream) {
  const folders: ReturnType<typeof emptyFolder>[] = []
  const settings = {
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    SOUK_UPSTREAM_TIME_MS: String(UPSTREAM_TIME_MS),
  }
  const start = (place: number) => {
    folders[place] ??= emptyFolder()
    const { path } = folders[place]
    const database = databases[place] ?? databases.at(-1)!
    return startGateway(path, { ...settings, DATABASE_URL: database }, logIn(path))
  }
  return { folders, start }
}

async function queryOnce<Row>(url: string, sql: string): Promise<Row[]> {
  const database = await connectPipeline(url)
  try {
    return await database.run<Row>(sql)
  } finally {
    await database.close()
  }
}

function logIn(folder: string): string {
  return join(folder, 'souk.log')
}

function lastWordsIn(folder: string): string {
  return readFileSync(logIn(folder), 'utf8').slice(-LOG_LENGTH)
}
