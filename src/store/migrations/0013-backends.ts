/** Not all that is listed is for everybody: a private listing is for its own account. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.text('visibility').notNullable().defaultTo('public')
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.dropColumn('visibility')
  })
}
