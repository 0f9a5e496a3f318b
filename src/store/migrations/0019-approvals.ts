/** Calls that a person has to agree to, each one exactly as it was asked for. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('approvals', (table) => {
    table.text('id').primary()
    table.text('account_id').notNullable()
    table.text('key_id').notNullable()
    // The quote that the call goes through with; it is single use, and so is the approval.
    table.text('quote_id').notNullable().unique()
    table.text('endpoint_id').notNullable()
    table.text('title').notNullable()
    table.text('request_hash').notNullable()
    // Sealed: what is bought may be private.
    table.binary('arguments').notNullable()
    table.bigInteger('max_total').notNullable()
    table.text('reason').notNullable()
    table.text('state').notNullable()
    // A person's id, or the client in which the person was asked.
    table.text('decided_by')
    table.bigInteger('decided_at')
    table.bigInteger('created_at').notNullable()
    table.bigInteger('expires_at').notNullable()
    table.index(['account_id', 'request_hash'])
    table.index(['expires_at'])
  })
  const open = 'on approvals (account_id, expires_at)'
  await db.raw(`create index approvals_open ${open} where state = 'open'`)
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('approvals')
}
