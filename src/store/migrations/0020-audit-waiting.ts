/** Acts on money, written with the ledger's entry, until the audit takes them into its chain. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('audit_waiting', (table) => {
    // The reference of the ledger's entry.
    table.text('target').primary()
    table.bigInteger('at').notNullable()
    // JSON.
    table.text('act').notNullable()
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('audit_waiting')
}
