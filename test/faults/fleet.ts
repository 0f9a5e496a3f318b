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
  killTheRest,
  startGateway,
} from '../journeys/gateway-process.js'
import { aPostgresServer } from '../support/a-postgres.js'
import type { PostgresServer } from '../support/postgres-server.js'
import { expectPromisesKept } from './expect-promises.js'
import { type FlakyUpstream, flakyUpstream } from './flaky-upstream.js'
import { keptRecordsOnPostgres } from './kept-records.js'
import type { Lots } from './lots.js'
import { type Market, OPERATOR_KEY, openMarket, type Purchase, type Sent, send } from './market.js'
import type { Moments } from './moments.js'

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
  members: readonly Member[]
  market: Market
  server: PostgresServer
  upstream: FlakyUpstream
  /** Sends a purchase to this gateway; `lost` when it went down meanwhile. */
  sendTo(member: Member, purchase: Purchase): Promise<Sent | 'lost'>
  /** Sends a purchase to the gateway whose turn it is: each time another one than the last. */
  send(purchase: Purchase): Promise<Sent | 'lost'>
  /** Sends a purchase to one gateway after the other until it is answered. */
  sendUntilAnswered(purchase: Purchase): Promise<void>
  /** Starts one gateway more. */
  join(): Promise<Member>
  /** Starts a member again that was killed. */
  startAgain(member: Member): Promise<void>
  query<Row>(sql: string): Promise<Row[]>
  expectPromisesKept(purchases: readonly Purchase[]): Promise<void>
  /** Stops all gateways as a person does; they must end well. */
  stop(): Promise<void>
  close(): Promise<void>
  /** The last words of every gateway. */
  lastWords(): string
}

export async function openFleet(lots: Lots, moments: Moments): Promise<Fleet> {
  await build()
  const [server, upstream] = await Promise.all([aPostgresServer(), flakyUpstream(lots, moments)])
  const { start, folders } = gatewaysOn(server, upstream)
  const members: Member[] = []
  for (let place = 0; place < GATEWAYS; place++) await join()
  const market = await openMarket(members[0]!.gateway.url, upstream.baseUrl, BUYERS)

  return {
    members,
    market,
    server,
    upstream,
    sendTo,
    send: sendToNext,
    sendUntilAnswered,
    join,
    async startAgain(member) {
      member.gateway = await start(members.indexOf(member))
      member.isDown = false
    },
    query: (sql) => queryOnce(server.url, sql),
    expectPromisesKept: (purchases) =>
      expectPromisesKept(members.find(({ isDown }) => !isDown)!.gateway.url, {
        market,
        purchases,
        upstream,
        records: () => keptRecordsOnPostgres(server.url),
      }),
    async stop() {
      for (const { gateway } of members) gateway.kill('SIGTERM')
      for (const { gateway } of members) expect(await gateway.ended).toMatchObject({ code: 0 })
    },
    async close() {
      await killTheRest()
      await Promise.all([upstream.close(), server.close()])
      for (const folder of folders) folder.remove()
    },
    lastWords: () => folders.map(({ path }) => lastWordsIn(path)).join('\n'),
  }

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
      const isLost = member.isDown || member.gateway !== gateway
      if (!isLost || !(error instanceof TypeError)) throw error
      purchase.isLost = true
      return 'lost'
    }
  }

  async function sendUntilAnswered(purchase: Purchase): Promise<void> {
    while ((await sendToNext(purchase)) !== 'answered') await pause(PAUSE_MS)
  }
}

function gatewaysOn(server: PostgresServer, upstream: FlakyUpstream) {
  const folders: ReturnType<typeof emptyFolder>[] = []
  const settings = {
    DATABASE_URL: server.url,
    SOUK_MASTER_KEY: randomBytes(32).toString('base64'),
    SOUK_OPERATOR_KEY: OPERATOR_KEY,
    SOUK_EGRESS_ALLOW: new URL(upstream.baseUrl).host,
    SOUK_UPSTREAM_TIME_MS: String(UPSTREAM_TIME_MS),
  }
  const start = (place: number) => {
    folders[place] ??= emptyFolder()
    const { path } = folders[place]
    return startGateway(path, settings, logIn(path))
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
