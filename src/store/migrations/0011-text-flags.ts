/** Sellers' texts that look like instructions to a model, for the operator to look at. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('text_flags', (table) => {
    table.text('id').primary()
    table.text('listing_id').notNullable().references('listings.id')
    // Empty for a text of the listing itself, which has no version.
    table.text('endpoint_id').notNullable()
    table.integer('version')
    table.text('rule').notNullable()
    // JSON pointer into what was written.
    table.text('place').notNullable()
    table.text('excerpt').notNullable()
    table.bigInteger('created_at').notNullable()
    table.bigInteger('cleared_at')
    // The same words are not flagged twice, so what was cleared stays cleared.
    table.unique(['listing_id', 'endpoint_id', 'rule', 'excerpt'])
    table.index(['cleared_at', 'id'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('text_flags')
}
