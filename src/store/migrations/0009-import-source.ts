/**
 * Where a listing was imported from, so that importing the same document again changes it rather
 * than making another one, and leaves alone what its seller changed by hand.
 */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    // The seller's name for the document, such as its path in a folder.
    table.text('import_source')
    // JSON: what the last import wrote; null for a listing that was made by hand.
    table.text('imported')
    table.index(['seller_id', 'import_source'])
  })
  await db.schema.alterTable('endpoints', (table) => {
    // 'listed' or 'vanished': whether the document has it; null for one that was made by hand.
    table.text('import_state')
  })
}

/** Knex would make the tables anew on SQLite, which the rows that point to them forbid. */
export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable('listings', (table) => {
    table.dropIndex(['seller_id', 'import_source'])
  })
  for (const column of ['import_source', 'imported']) {
    await db.raw('alter table listings drop column ??', [column])
  }
  await db.raw('alter table endpoints drop column import_state')
}
