/**
 * Health: what calls and probes measured over days, when each listing is looked at next, why it is
 * paused; and what a mark weighs. Marks from before weigh nothing until their buyer gives another.
 */
import type { Knex } from 'knex'

const PORTION = 500
/** As the catalogue counts what was measured. */
const PERIOD_MS = 6 * 60 * 60 * 1_000

type Standing = { endpoint_id: string; recent: string; checked_at: bigint | null }

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    // Which endpoint its seller wants probed and how often, as JSON; empty for the default.
    table.text('probe').notNullable().defaultTo('{}')
    // What the gateway did to it and its seller must know, as JSON.
    table.text('notice')
  })
  await db.schema.createTable('listing_health', (table) => {
    table.text('slug').primary().references('listings.slug').onDelete('cascade')
    // Failures since the last success, of calls and probes, and for which accounts.
    table.bigInteger('failures').notNullable().defaultTo(0)
    table.bigInteger('failing_since')
    table.text('failing_for').notNullable().defaultTo('[]')
    table.text('last_probed')
    // When to look at it next; null for a listing that is not on sale.
    table.bigInteger('due_at')
    // Set while it is paused because it kept failing.
    table.bigInteger('paused_at')
    table.bigInteger('resume_at')
    table.bigInteger('resumed_at')
    table.integer('pauses').notNullable().defaultTo(0)
    table.index(['due_at'])
  })
  await db.raw(`insert into listing_health (slug, due_at)
    select slug, case when status = 'published' then 0 end from listings`)
  await db.schema.alterTable('endpoint_standings', (table) => {
    table.text('measured').notNullable().defaultTo('[]')
    table.double('weight').notNullable().defaultTo(0)
    table.double('weighted').notNullable().defaultTo(0)
  })
  await countRecent(db)
  await db.schema.alterTable('ratings', (table) => {
    table.bigInteger('spent').notNullable().defaultTo(0)
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('listing_health')
  for (const [table, columns] of [
    ['ratings', ['spent']],
    ['endpoint_standings', ['weighted', 'weight', 'measured']],
    ['listings', ['notice', 'probe']],
  ] as const) {
    for (const column of columns) await db.raw('alter table ?? drop column ??', [table, column])
  }
}

/** Latencies stood in one list with failures, which were negative; now those are counted apart. */
async function countRecent(db: Knex): Promise<void> {
  for (let last = ''; ; ) {
    const rows: Standing[] = await db('endpoint_standings')
      .where('endpoint_id', '>', last)
      .orderBy('endpoint_id')
      .limit(PORTION)
      .select('endpoint_id', 'recent', 'checked_at')
    for (const { endpoint_id, recent, checked_at } of rows) {
      const all: number[] = JSON.parse(recent)
      if (all.length === 0) continue
      const latencies = all.filter((latency) => latency > 0)
      const period = Math.floor(Number(checked_at) / PERIOD_MS)
      const counts = [period, latencies.length, all.length - latencies.length]
      await db('endpoint_standings')
        .where({ endpoint_id })
        .update({ recent: JSON.stringify(latencies), measured: JSON.stringify([counts]) })
    }
    if (rows.length < PORTION) return
    last = rows.at(-1)!.endpoint_id
  }
}
