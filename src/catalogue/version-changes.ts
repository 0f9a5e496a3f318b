/** What kind of thing a version changed. Pure. */
import { canonicalJson } from '#core/canonical-json'
import type { EndpointDefinition } from './listing.js'

/** What buyers see of each part of a definition; a definition that gains a part must name it here. */
const NAMES: Readonly<Record<keyof EndpointDefinition, string>> = {
  title: 'title',
  description: 'description',
  method: 'backend',
  path: 'backend',
  base_url: 'backend',
  input_schema: 'input_schema',
  output_schema: 'output_schema',
  example: 'example',
  tags: 'tags',
  price: 'price',
  success: 'success_rule',
  requires_approval: 'requires_approval',
}

/** The names of what differs, each once, in the order in which a description shows them. */
export function changesBetween(before: EndpointDefinition, after: EndpointDefinition): string[] {
  const parts = Object.entries(NAMES) as [keyof EndpointDefinition, string][]
  const changed = parts.filter(([part]) => textOf(before[part]) !== textOf(after[part]))
  return [...new Set(changed.map(([, name]) => name))]
}

function textOf(part: unknown): string {
  return part === undefined ? '' : canonicalJson(part)
}
