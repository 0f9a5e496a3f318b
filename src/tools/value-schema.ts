/** Schemas as code has them: JSON Schema as it is, or a library's own, as zod's. */
import { z } from 'zod'
import { Problem } from '#core/problem'
import type { JsonSchema } from '#schemas'

type Result<Value> = { value: Value; issues?: undefined } | { issues: readonly Issue[] }
type Issue = { message: string }

/** What Standard Schema 1 fixes of the schemas of any library. */
export type StandardSchema<Value = unknown> = {
  '~standard': {
    version: 1
    vendor: string
    validate(value: unknown): Result<Value> | Promise<Result<Value>>
    /** Standard JSON Schema, which not every library has. */
    jsonSchema?: Record<Side, (options: { target: 'draft-2020-12' }) => JsonSchema> | undefined
  }
}

export type ValueSchema<Value> = JsonSchema | StandardSchema<Value>

/** What a schema takes, or what it makes of that. */
type Side = 'input' | 'output'

/** @throws Problem `invalid_request` for a schema that cannot be told as JSON Schema. */
export function jsonSchemaOf(schema: ValueSchema<unknown>, side: Side): JsonSchema {
  if (!isStandard(schema)) return schema
  const { vendor, jsonSchema } = schema['~standard']
  const told =
    jsonSchema?.[side]({ target: 'draft-2020-12' }) ??
    ('_zod' in schema && z.toJSONSchema(schema as unknown as z.ZodType, { io: side }))
  if (told) {
    const { $schema, ...json } = told as JsonSchema
    return json
  }
  throw new Problem('invalid_request', `A schema of ${vendor} cannot be told as JSON Schema.`, {
    action: 'Give JSON Schema, or a schema of zod 4.',
  })
}

/**
 * What a library's schema makes of a value: defaults filled in, and whatever else it does. JSON
 * Schema was checked before, and changes nothing.
 */
export async function read<Value>(
  schema: ValueSchema<Value> | undefined,
  value: unknown,
): Promise<{ value: Value } | { fault: string }> {
  if (!schema || !isStandard(schema)) return { value: value as Value }
  const result = await schema['~standard'].validate(value)
  if (result.issues) return { fault: result.issues.map(({ message }) => message).join('; ') }
  return { value: result.value }
}

function isStandard<Value>(schema: ValueSchema<Value>): schema is StandardSchema<Value> {
  return '~standard' in schema
}
