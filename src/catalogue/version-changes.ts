/** What kind of thing a version changed. Pure. */
import { canonicalJson } from '#core/canonical-json'
import type { EndpointDefinition, HttpDefinition, ToolDefinition } from './listing.js'

type Part = keyof HttpDefinition | keyof ToolDefinition

/** What buyers see of each part of a definition; a definition that gains a part must name it here. */
const NAMES: Readonly<Record<Part, string>> = {
  title: 'title',
  description: 'description',
  method: 'backend',
  path: 'backend',
  base_url: 'backend',
  backend: 'backend',
  name: 'name',
  annotations: 'annotations',
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
  const parts = Object.entries(NAMES) as [Part, string][]
  const [old, now]: Partial<Record<Part, unknown>>[] = [before, after]
  const changed = parts.filter(([part]) => textOf(old![part]) !== textOf(now![part]))
  return [...new Set(changed.map(([, name]) => name))]
}

function textOf(part: unknown): string {
  return part === undefined ? '' : canonicalJson(part)
}
