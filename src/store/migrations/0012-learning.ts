/**
 * What purchases teach the search: which words led which buyers to which endpoints, what the buyers
 * spent, and the lessons that follow from it. No query is kept, only words of it.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('learned_credits', (table) => {
    table.text('word').notNullable()
    table.text('endpoint_id').notNullable()
    table.text('buyer_id').notNullable()
    table.text('seller_id').notNullable()
    table.integer('epoch').notNullable()
    // What the buyer's latest experience says, -100 to 100.
    table.integer('percent').notNullable()
    table.primary(['word', 'endpoint_id', 'buyer_id'])
    table.index(['endpoint_id', 'buyer_id'])
    table.index(['epoch'])
  })
  await db.schema.createTable('learned_spend', (table) => {
    table.text('buyer_id').notNullable()
    table.text('seller_id').notNullable()
    // Nano-USDC: what the seller got, and the fees.
    table.bigInteger('paid').notNullable()
    table.bigInteger('fees').notNullable()
    table.integer('epoch').notNullable()
    table.primary(['buyer_id', 'seller_id'])
    table.index(['epoch'])
  })
  await db.schema.createTable('learned_words', (table) => {
    table.text('word').primary()
    // When its lessons are to be worked out again.
    table.bigInteger('due_at').notNullable()
    table.index(['due_at'])
  })
  await db.schema.createTable('endpoint_lessons', (table) => {
    table.text('endpoint_id').primary()
    // JSON: how strongly it belongs to each word. Empty, not gone, once it has none any more.
    table.text('words').notNullable()
    table.bigInteger('revision').notNullable()
    table.index(['revision', 'endpoint_id'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema
    .dropTable('endpoint_lessons')
    .dropTable('learned_words')
    .dropTable('learned_spend')
    .dropTable('learned_credits')
}
