/**
 * What running a market takes: accounts below others and who pays for them, lists of what may be
 * used, accounts and listings that the operator stopped, invitations, and the record of every
 * administrative act.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  const isSqlite = db.client.config.client === 'better-sqlite3'
  await db.schema.alterTable('accounts', (table) => {
    table.text('parent_id')
    // Whose money it spends: its own, or its parent's.
    table.text('balance').notNullable().defaultTo('own')
    table.text('allow').notNullable().defaultTo('{}')
    table.text('status').notNullable().defaultTo('active')
    // Why and since when, as JSON, while it is not active.
    table.text('suspension')
    table.index(['parent_id'])
  })
  await db.schema.alterTable('api_keys', (table) => {
    table.text('allow').notNullable().defaultTo('{}')
  })
  await db.schema.alterTable('listings', (table) => {
    table.text('suspension')
  })
  await db.schema.alterTable('calls', (table) => {
    // Absent where the buyer pays itself, which is nearly always.
    table.text('payer_id')
  })
  await db.raw('create index calls_payer on calls (payer_id, id) where payer_id is not null')
  await db.schema.createTable('invites', (table) => {
    table.text('id').primary()
    // SHA-256 of the code; the code itself is shown once and never stored.
    table.text('hash').notNullable().unique()
    table.text('email')
    table.text('credit')
    table.bigInteger('expires_at')
    table.text('account_id')
    table.bigInteger('created_at').notNullable()
    table.bigInteger('used_at')
    // When its credit was given: what was used and has none yet is still owed.
    table.bigInteger('credited_at')
  })
  await db.raw(`create table audit_entries (
    seq bigint not null primary key,
    at bigint not null,
    act text not null,
    account_id text,
    key_id text,
    person_id text,
    target text not null,
    facts text not null,
    prev text not null,
    hash text not null
  ) ${isSqlite ? 'without rowid' : ''}`)
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('audit_entries').dropTable('invites')
  await db.raw('drop index calls_payer')
  await db.schema.alterTable('calls', (table) => table.dropColumn('payer_id'))
  await db.schema.alterTable('listings', (table) => table.dropColumn('suspension'))
  await db.schema.alterTable('api_keys', (table) => table.dropColumn('allow'))
  await db.schema.alterTable('accounts', (table) => {
    table.dropIndex(['parent_id'])
    table.dropColumns('parent_id', 'balance', 'allow', 'status', 'suspension')
  })
}
