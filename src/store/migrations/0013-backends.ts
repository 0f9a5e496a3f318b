/**
 * Not all that is listed is an HTTP API, nor for everybody: tools have a name of their own, and a
 * private listing is for its own account.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.text('visibility').notNullable().defaultTo('public')
    // The MCP server whose tools it sells, as its backend names it; absent for all others.
    table.text('server')
  })
  await db.raw('create index listings_server on listings (server) where server is not null')
  await db.schema.alterTable('endpoints', (table) => {
    table.text('tool_name')
    table.index(['tool_name'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index listings_server')
  await db.schema.alterTable('listings', (table) => {
    table.dropColumns('visibility', 'server')
  })
  await db.schema.alterTable('endpoints', (table) => {
    table.dropIndex(['tool_name'])
    table.dropColumn('tool_name')
  })
}
