/** The MCP servers that the operator registered: how to reach them, sealed, and what they offered last. */
import type { Knex } from 'knex'

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable('mcp_servers', (table) => {
    table.text('id').primary()
    table.text('name').notNullable()
    // Of the listing that its tools are sold in; two names may come to the same one.
    table.text('slug').notNullable()
    // Who says what it is: the API, the operator's file, or code. The last named goes first.
    table.text('source').notNullable()
    // What is no secret of what was said, as JSON; it stands for itself.
    table.text('terms').notNullable()
    table.bigInteger('revision').notNullable()
    table.bigInteger('created_at').notNullable()
    table.bigInteger('updated_at').notNullable()
    // When its tools were last asked for, with or without success.
    table.bigInteger('tried_at')
    table.text('discovery').notNullable()
    // Each sealed for this server and this field alone, as JSON.
    table.binary('url_sealed')
    table.binary('args_sealed')
    table.binary('headers_sealed')
    table.binary('credentials_sealed')
    table.binary('env_sealed')
    table.unique(['slug', 'source'])
  })
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTable('mcp_servers')
}
