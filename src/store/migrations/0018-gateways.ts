/** Endpoints that an account composes into native MCP tools, at an address of its own. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('gateways', (table) => {
    table.text('id').primary()
    table.text('account_id').notNullable().references('accounts.id')
    table.text('name').notNullable()
    table.text('endpoint').notNullable()
    table.text('configuration').notNullable()
    table.bigInteger('created_at').notNullable()
    table.bigInteger('updated_at').notNullable()
    table.unique(['account_id', 'endpoint'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('gateways')
}
