/**
 * Who signs in, and which programs they let in: people and their browser sessions, how often somebody
 * tried, and what the authorization server keeps. Nothing here opens anything when it leaks: tokens
 * and codes are kept as SHA-256 and sealed, passwords as scrypt.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('people', (table) => {
    table.text('id').primary()
    table.text('account_id').notNullable().unique().references('accounts.id')
    table.text('email').unique()
    table.text('password')
    // In lower case.
    table.text('wallet_address').unique()
    table.bigInteger('created_at').notNullable()
  })
  await db.schema.createTable('browser_sessions', (table) => {
    table.text('hash').primary()
    table.text('person_id').notNullable().references('people.id').index()
    table.bigInteger('created_at').notNullable().index()
    table.bigInteger('seen_at').notNullable()
  })
  await db.schema.createTable('wallet_nonces', (table) => {
    table.text('nonce').primary()
    table.bigInteger('expires_at').notNullable()
  })
  await db.schema.createTable('attempts', (table) => {
    table.text('scope').notNullable()
    table.bigInteger('window_start').notNullable()
    table.bigInteger('count').notNullable()
    table.primary(['scope', 'window_start'])
  })
  await db.schema.createTable('oauth_payloads', (table) => {
    table.text('kind').notNullable()
    table.text('hash').notNullable()
    table.binary('sealed').notNullable()
    table.text('grant_hash').index()
    table.text('uid_hash').index()
    table.bigInteger('consumed_at')
    table.bigInteger('expires_at').index()
    table.primary(['kind', 'hash'])
  })
  await db.schema.createTable('oauth_grants', (table) => {
    table.text('key_id').primary().references('api_keys.id')
    table.text('account_id').notNullable().references('accounts.id').index()
    table.text('grant_hash').notNullable().unique()
    table.text('client_id').notNullable()
    table.text('client_name').notNullable()
    table.text('resource').notNullable()
    table.bigInteger('created_at').notNullable()
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('oauth_grants').dropTable('oauth_payloads').dropTable('attempts')
  await db.schema.dropTable('wallet_nonces').dropTable('browser_sessions').dropTable('people')
}
