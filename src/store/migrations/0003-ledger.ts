/**
 * Whose money: balances, entries, postings, holds and counters. All amounts are nano-USDC. The
 * checks are the last line of defence; SQLite turns an integer that overflows into a real, hence
 * the check of its type there.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  const isSqlite = db.client.config.client === 'better-sqlite3'
  await db.schema.createTable('ledger_accounts', (table) => {
    table.increments('id')
    table.text('address').notNullable().unique()
    table.bigInteger('balance').notNullable().defaultTo(0)
    table.integer('may_be_negative').notNullable()
    table.check('may_be_negative = 1 or balance >= 0')
    if (isSqlite) table.check("typeof(balance) = 'integer'")
  })
  // An entry is the postings with one kind and reference. References are mostly call ids, which sort
  // by birth, so new rows go to the end of the one tree that this table is.
  await db.raw(`create table ledger_postings (
    reference text not null,
    kind text not null,
    position integer not null,
    from_id integer not null references ledger_accounts (id),
    to_id integer not null references ledger_accounts (id),
    amount bigint not null check (amount > 0),
    at bigint not null,
    memo text,
    primary key (reference, kind, position)
  ) ${isSqlite ? 'without rowid' : ''}`)
  // A row is here as long as its hold is open: closing it deletes it, so that the table stays as
  // small as what is in flight. What became of it stands in the postings and in the call.
  // `counters` are those that the hold was counted on, as JSON, so that they can be given back.
  await db.raw(`create table ledger_holds (
    reference text not null primary key,
    account text not null,
    amount bigint not null check (amount >= 0),
    deadline bigint not null,
    counters text not null
  ) ${isSqlite ? 'without rowid' : ''}`)
  await db.schema.createTable('ledger_counters', (table) => {
    table.text('scope').notNullable()
    table.text('window').notNullable()
    table.bigInteger('used').notNullable()
    table.bigInteger('ends_at')
    table.primary(['scope', 'window'])
    table.check('used >= 0')
    table.index(['ends_at'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema
    .dropTable('ledger_counters')
    .dropTable('ledger_holds')
    .dropTable('ledger_postings')
    .dropTable('ledger_accounts')
}
