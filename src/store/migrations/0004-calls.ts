/** One bought answer after the other: calls, what makes them unique, their bodies and receipts. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await createCalls(db)
  await createPromises(db)
  await createRecords(db)
}

async function createCalls(db: Knex): Promise<void> {
  await db.schema.createTable('calls', (table) => {
    table.text('id').primary()
    table.text('buyer_id').notNullable()
    table.text('key_id').notNullable()
    table.text('seller_id').notNullable()
    table.text('endpoint_id').notNullable()
    table.integer('version').notNullable()
    table.text('outcome').notNullable()
    table.text('code')
    table.text('message')
    table.integer('status')
    table.bigInteger('started_at').notNullable()
    table.bigInteger('ended_at')
    table.integer('latency_ms')
    table.bigInteger('hold').notNullable()
    table.bigInteger('charge').notNullable()
    table.bigInteger('fee').notNullable()
    table.text('quantity')
    table.text('price').notNullable()
    table.text('quote_id')
    table.text('idempotency_hash')
    table.text('request_hash').notNullable()
    table.text('response_hash')
    table.bigInteger('response_bytes')
    table.integer('truncated').notNullable()
    table.text('media_type')
    table.bigInteger('retry_after_ms')
    table.text('tag')
    table.text('receipt_id')
    table.index(['buyer_id', 'id'])
  })
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
  await db.schema.createTable('call_bodies', (table) => {
    table.text('call_id').primary()
    table.bigInteger('bytes').notNullable()
    table.bigInteger('expires_at').notNullable()
    table.binary('sealed').notNullable()
    // With the bytes, so that what is kept is summed without reading a single body.
    table.index(['expires_at', 'bytes'])
  })
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
