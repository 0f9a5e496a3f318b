/** What several gateways on one PostgreSQL need; SQLite has one gateway, and none of this. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  if (db.client.config.client === 'better-sqlite3') return
  await db.schema.createTable('leases', (table) => {
    table.text('name').primary()
    table.text('holder').notNullable()
    table.bigInteger('epoch').notNullable()
    table.bigInteger('until_at').notNullable()
    // Of a gateway's seat: its last transaction, and that of the seat's previous holder.
    table.bigInteger('mark').notNullable().defaultTo(0)
    table.bigInteger('previous_mark')
  })
  // What came in for accounts that many gateways pay into at once, not yet in their balance: adding
  // a row waits for nobody, changing the balance would.
  await db.raw(`create table ledger_credits (
    id bigint generated always as identity primary key,
    account_id integer not null references ledger_accounts (id),
    amount bigint not null check (amount > 0)
  )`)
  await db.raw('create index on ledger_credits (account_id)')
  await db.raw('create index on ledger_holds (deadline)')
  await db.raw(`create function require_rows(written bigint, wanted integer) returns void
    language plpgsql as $$ begin
      if written <> wanted then
        raise exception '% of % rows were written', written, wanted using errcode = 'SK001';
      end if;
    end $$`)
}

export async function down(db: Knex): Promise<void> {
  if (db.client.config.client === 'better-sqlite3') return
  await db.raw('drop function require_rows')
  await db.schema.dropTable('ledger_credits').dropTable('leases')
}
