/**
 * What changed when: each listing carries the revision of its last change, each standing that of its
 * last writing, so that every gateway on the database can follow the others.
 */
import type { Knex } from 'knex'

const CATALOGUE_REVISION = 'catalogue_revision'

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.bigInteger('revision').notNullable().defaultTo(0)
  })
  await db.schema.alterTable('endpoint_standings', (table) => {
    table.bigInteger('revision').notNullable().defaultTo(0)
    table.index(['revision', 'endpoint_id'])
  })
  await numberListings(db)
  await db.schema.alterTable('listings', (table) => {
    table.unique(['revision'])
  })
  // SQLite's integers have 64 bits anyway; here a popular endpoint would come to the end of 32.
  if (db.client.config.client !== 'better-sqlite3') {
    for (const column of ['delivered', 'failed', 'rating_sum', 'ratings']) {
      await db.raw('alter table endpoint_standings alter column ?? type bigint', [column])
    }
  }
}

/** Knex would make the tables anew on SQLite, which the rows that point to them forbid. */
export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable('endpoint_standings', (table) => {
    table.dropIndex(['revision', 'endpoint_id'])
  })
  await db.schema.alterTable('listings', (table) => {
    table.dropUnique(['revision'])
  })
  for (const table of ['endpoint_standings', 'listings']) {
    await db.raw('alter table ?? drop column revision', [table])
  }
}

/** Every listing that is there counts as changed after the last change that was counted. */
async function numberListings(db: Knex): Promise<void> {
  const counted = await db('settings').where({ name: CATALOGUE_REVISION }).first('value')
  const listings = await db('listings').count({ count: '*' }).first()
  const last = Number(counted?.value ?? 0)
  const count = Number(listings!.count)
  if (count === 0) return
  await db.raw(
    `update listings set revision = ? + numbered.place
     from (select id, row_number() over (order by id) as place from listings) as numbered
     where listings.id = numbered.id`,
    [last],
  )
  await db('settings')
    .insert({ name: CATALOGUE_REVISION, value: String(last + count) })
    .onConflict('name')
    .merge()
}
