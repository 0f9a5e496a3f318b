/**
 * Tools: what accounts declare, the names by which clients know tools, the secrets that handlers
 * are called with and that sign what they are sent, and which call was made within which.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('tools', (table) => {
    table.text('id').primary()
    table.text('account_id').notNullable()
    table.text('name').notNullable()
    // Where it was declared: by REST, in the operator's file, in code.
    table.text('source').notNullable()
    table.text('listing_id').notNullable().unique()
    table.text('listing_slug').notNullable()
    table.text('endpoint_id').notNullable()
    table.bigInteger('created_at').notNullable()
    table.bigInteger('retired_at')
    table.unique(['account_id', 'name', 'source'])
  })
  await db.schema.createTable('tool_names', (table) => {
    table.text('account_id').notNullable()
    table.text('name').notNullable()
    table.text('source').notNullable()
    table.text('endpoint_id').notNullable()
    table.primary(['account_id', 'name', 'source', 'endpoint_id'])
    table.index(['endpoint_id'])
  })
  // One for each address that a tool ever had, so that its older versions keep working.
  await db.schema.createTable('handler_credentials', (table) => {
    table.text('endpoint_id').notNullable()
    table.text('url').notNullable()
    table.text('type').notNullable()
    table.text('name')
    table.binary('sealed').notNullable()
    table.primary(['endpoint_id', 'url'])
  })
  // Every account has a first secret without a row; each rotation adds the next one.
  await db.schema.createTable('signing_secrets', (table) => {
    table.text('account_id').notNullable()
    table.integer('generation').notNullable()
    table.bigInteger('since').notNullable()
    table.primary(['account_id', 'generation'])
  })
  await db.schema.alterTable('calls', (table) => {
    // Absent for nearly all: the call in whose course it was made.
    table.text('parent_call_id')
  })
  await db.raw(
    'create index calls_parent on calls (parent_call_id) where parent_call_id is not null',
  )
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index calls_parent')
  await db.schema.alterTable('calls', (table) => table.dropColumn('parent_call_id'))
  for (const table of ['signing_secrets', 'handler_credentials', 'tool_names', 'tools']) {
    await db.schema.dropTable(table)
  }
}
