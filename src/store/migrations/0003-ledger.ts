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
  await db.schema.createTable('ledger_entries', (table) => {
    table.bigIncrements('id')
    table.text('kind').notNullable()
    table.text('reference').notNullable()
    table.text('memo')
    table.bigInteger('at').notNullable()
    table.unique(['kind', 'reference'])
  })
  await db.schema.createTable('ledger_postings', (table) => {
    table.bigInteger('entry_id').notNullable().references('ledger_entries.id')
    table.integer('from_id').notNullable().references('ledger_accounts.id')
    table.integer('to_id').notNullable().references('ledger_accounts.id')
    table.bigInteger('amount').notNullable()
    table.check('amount > 0')
    table.index(['entry_id'])
  })
  await db.schema.createTable('ledger_holds', (table) => {
    table.text('reference').primary()
    table.text('account').notNullable()
    table.bigInteger('amount').notNullable()
    table.text('state').notNullable()
    table.bigInteger('deadline').notNullable()
    // The counters that the hold was counted on, as JSON, so that they can be given back.
    table.text('counters').notNullable()
    table.check("state in ('held', 'captured', 'released')")
    table.check('amount >= 0')
  })
  await db.raw("create index ledger_holds_open on ledger_holds (deadline) where state = 'held'")
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
    .dropTable('ledger_entries')
    .dropTable('ledger_accounts')
}
