/** What is for sale: listings, their endpoints, every version that was ever sold, and standing. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('listings', (table) => {
    table.text('id').primary()
    table.text('slug').notNullable().unique()
    table.text('seller_id').notNullable().references('accounts.id')
    table.text('title').notNullable()
    table.text('description').notNullable()
    table.text('category').notNullable()
    table.text('status').notNullable()
    table.text('backend').notNullable()
    table.text('credential_type').notNullable()
    table.text('credential_name')
    // The host that the credential was given for: it is never sent to another one.
    table.text('credential_origin')
    table.binary('credential_sealed')
    table.text('limits').notNullable()
    table.text('provider').notNullable()
    table.text('operator_must')
    // Of a listing that ships with the gateway: the file it was last made from, or 'operator'.
    table.text('file_hash')
    table.bigInteger('created_at').notNullable()
    table.bigInteger('updated_at').notNullable()
    table.index(['seller_id', 'id'])
  })
  await db.schema.createTable('endpoints', (table) => {
    table.text('endpoint_id').primary()
    table.text('listing_id').notNullable().references('listings.id')
    table.text('slug').notNullable()
    table.text('status').notNullable()
    table.integer('latest_version').notNullable()
    table.bigInteger('created_at').notNullable()
    table.index(['listing_id'])
  })
  await db.schema.createTable('endpoint_versions', (table) => {
    table.text('endpoint_id').notNullable().references('endpoints.endpoint_id')
    table.integer('version').notNullable()
    table.text('definition').notNullable()
    table.bigInteger('created_at').notNullable()
    table.primary(['endpoint_id', 'version'])
  })
  await db.schema.createTable('endpoint_standings', (table) => {
    table.text('endpoint_id').primary()
    table.integer('delivered').notNullable()
    table.integer('failed').notNullable()
    table.text('recent').notNullable()
    table.integer('rating_sum').notNullable()
    table.integer('ratings').notNullable()
    table.bigInteger('checked_at')
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema
    .dropTable('endpoint_standings')
    .dropTable('endpoint_versions')
    .dropTable('endpoints')
    .dropTable('listings')
}
