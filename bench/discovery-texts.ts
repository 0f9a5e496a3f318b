/** The texts of a row, the same for every engine that Souk is compared with. */
import type { Row } from './discovery-rows.js'

export const FIELDS = [
  'name',
  'summary',
  'path',
  'provider',
  'description',
  'tags',
  'parameters',
  'parameterTexts',
] as const

export type Texts = Record<(typeof FIELDS)[number], string>

export function textsOf(row: Row): Texts {
  const params = row.params ?? []
  return {
    name: row.operation_id ?? row.name ?? '',
    summary: row.summary ?? '',
    path: row.path ?? '',
    provider: `${row.provider} ${row.title}`,
    description: row.description ?? '',
    tags: [...(row.tags ?? []), ...(row.categories ?? [])].join(' '),
    parameters: params.map(({ name }) => name).join(' '),
    parameterTexts: params.map(({ description = '' }) => description).join(' '),
  }
}

/** All of them as one text. */
export function wholeTextOf(row: Row): string {
  return Object.values(textsOf(row)).join('\n')
}
