/** Who: accounts and their keys, and facts about the gateway as a whole. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('settings', (table) => {
    table.text('name').primary()
    table.text('value').notNullable()
  })
  await db.schema.createTable('accounts', (table) => {
    table.text('id').primary()
    table.text('slug').notNullable().unique()
    table.text('name').notNullable()
    table.text('kind').notNullable()
    table.bigInteger('created_at').notNullable()
  })
  await db.schema.createTable('api_keys', (table) => {
    table.text('id').primary()
    table.text('account_id').notNullable().references('accounts.id')
    table.text('parent_id').references('api_keys.id')
    table.text('name').notNullable()
    // SHA-256 of the secret; the secret itself is shown once and never stored.
    table.text('hash').notNullable().unique()
    table.text('scopes').notNullable()
    table.text('limits').notNullable()
    table.bigInteger('expires_at')
    table.bigInteger('revoked_at')
    table.bigInteger('created_at').notNullable()
    table.index(['account_id', 'id'])
    table.index(['parent_id'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('api_keys').dropTable('accounts').dropTable('settings')
}
