/** One bought answer after the other: calls, what makes them unique, their bodies and receipts. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await createCalls(db)
  await createPromises(db)
  await createRecords(db)
}

/**
 * A call is written at its hold and at its end, and each tree that it stands in is a page to write
 * to disk both times: hence one tree, in which the latest calls of a buyer lie side by side.
 */
async function createCalls(db: Knex): Promise<void> {
  await db.raw(`create table calls (
    buyer_id text not null,
    id text not null,
    key_id text not null,
    seller_id text not null,
    endpoint_id text not null,
    version integer not null,
    outcome text not null,
    code text,
    message text,
    status integer,
    started_at bigint not null,
    ended_at bigint,
    latency_ms integer,
    hold bigint not null,
    charge bigint not null,
    fee bigint not null,
    quantity text,
    price text not null,
    quote_id text,
    idempotency_hash text,
    request_hash text not null,
    response_hash text,
    response_bytes bigint,
    truncated integer not null,
    media_type text,
    body_expires_at bigint,
    retry_after_ms bigint,
    tag text,
    receipt_id text,
    primary key (buyer_id, id)
  ) ${withoutRowid(db)}`)
}

/** What a call is bound to before it runs, and what is kept of it for a while. */
async function createPromises(db: Knex): Promise<void> {
  await db.schema.createTable('idempotency_keys', (table) => {
    table.text('key_id').notNullable()
    table.text('hash').notNullable()
    table.text('fingerprint').notNullable()
    table.text('call_id').notNullable()
    table.bigInteger('expires_at').notNullable()
    table.primary(['key_id', 'hash'])
    table.index(['expires_at'])
  })
  // In the order in which they expire: forgetting them is taking rows from the front. The size
  // stands before the body, so that summing sizes reads no body.
  await db.raw(`create table call_bodies (
    expires_at bigint not null,
    call_id text not null,
    bytes bigint not null,
    sealed ${isSqlite(db) ? 'blob' : 'bytea'} not null,
    primary key (expires_at, call_id)
  ) ${withoutRowid(db)}`)
  await db.schema.createTable('quotes', (table) => {
    table.text('id').primary()
    table.text('buyer_id').notNullable()
    table.text('endpoint_id').notNullable()
    table.integer('version').notNullable()
    table.text('request_hash').notNullable()
    table.bigInteger('max_charge').notNullable()
    table.bigInteger('max_fee').notNullable()
    table.bigInteger('expires_at').notNullable()
    table.text('call_id')
    table.index(['expires_at'])
  })
}

/** What stays: receipts, the keys that signed them, and what buyers said. */
async function createRecords(db: Knex): Promise<void> {
  await db.schema.createTable('receipts', (table) => {
    table.text('id').primary()
    table.text('call_id').notNullable()
    table.text('buyer_id').notNullable()
    table.text('seller_id').notNullable()
    table.text('chain').notNullable()
    table.bigInteger('seq').notNullable()
    table.text('jws').notNullable()
    table.unique(['buyer_id', 'chain', 'seq'])
  })
  await db.schema.createTable('signing_keys', (table) => {
    table.text('kid').primary()
    table.text('public_jwk').notNullable()
    table.binary('sealed_private_key')
    table.bigInteger('created_at').notNullable()
    table.bigInteger('retired_at')
  })
  await db.schema.createTable('ratings', (table) => {
    table.text('call_id').primary()
    table.text('buyer_id').notNullable()
    table.text('seller_id').notNullable()
    table.text('endpoint_id').notNullable()
    table.integer('score').notNullable()
    table.text('comment')
    table.bigInteger('created_at').notNullable()
    table.bigInteger('updated_at').notNullable()
    table.index(['seller_id'])
    table.index(['endpoint_id'])
  })
}

export async function down(db: Knex): Promise<void> {
  for (const table of [
    'ratings',
    'signing_keys',
    'receipts',
    'quotes',
    'call_bodies',
    'idempotency_keys',
    'calls',
  ]) {
    await db.schema.dropTable(table)
  }
}

function withoutRowid(db: Knex): string {
  return isSqlite(db) ? 'without rowid' : ''
}

function isSqlite(db: Knex): boolean {
  return db.client.config.client === 'better-sqlite3'
}
