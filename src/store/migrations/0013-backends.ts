/**
 * Not all that is listed is an HTTP API, nor for everybody: tools have a name of their own, and a
 * private listing is for its own account.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.text('visibility').notNullable().defaultTo('public')
  })
  await db.schema.alterTable('endpoints', (table) => {
    table.text('tool_name')
    table.index(['tool_name'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.dropColumn('visibility')
  })
  await db.schema.alterTable('endpoints', (table) => {
    table.dropIndex(['tool_name'])
    table.dropColumn('tool_name')
  })
}
