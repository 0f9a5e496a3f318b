/** `/docs`: the REST reference as one page of plain HTML, made from the same description. */
import { openApiDocument, problemRows } from './openapi.js'
import { routes } from './routes/routes.js'

type Operation = {
  summary: string
  parameters: { name: string; in: string; schema: Schema }[]
  requestBody?: { content: { 'application/json': { schema: Schema } } }
  responses: Record<string, { content?: { 'application/json'?: { schema?: Schema } } }>
}
type Schema = {
  type?: string | string[]
  description?: string
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
}

const STYLE = `
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  code, pre { font: 14px/1.5 ui-monospace, monospace }
  h2 { margin-top: 3rem; border-bottom: 2px solid #8888 }
  h3 { margin: 2rem 0 .25rem; overflow-wrap: anywhere } h3 code { font-size: 16px; font-weight: 600 }
  table { border-collapse: collapse; width: 100% }
  td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #8884 }
  td { overflow-wrap: anywhere } td:nth-child(1) { width: 36% } td:nth-child(2) { width: 22% }
  .who { opacity: .7 } nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem }`

export function docsPage(publicUrl: string): string {
  const paths = openApiDocument(publicUrl).paths as Record<string, Record<string, Operation>>
  const tags = [...new Set(routes.map((route) => route.tag))]
  const sections = tags.map((tag) => {
    const own = routes.filter((route) => route.tag === tag)
    const parts = own.map(({ method, path, who, scopes }) => {
      const operation = paths[path]![method]!
      const needs = scopes ? `a key with scope ${scopes.join(' or ')}` : NEEDS[who]
      return `<h3><code>${method.toUpperCase()} ${escapeHtml(path)}</code></h3>
        <p>${escapeHtml(operation.summary)} <span class="who">For ${escapeHtml(needs)}.</span></p>
        ${takes(operation)}${gives(operation)}`
    })
    return `<h2 id="${tag}">${escapeHtml(tag)}</h2>${parts.join('')}`
  })
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Souk REST reference</title>
    <meta name="viewport" content="width=device-width"><style>${STYLE}</style>
    <h1>Souk REST reference</h1>
    <p>Base URL <code>${escapeHtml(publicUrl)}</code>. Send <code>Authorization: Bearer &lt;key&gt;</code>.
      Amounts are decimal strings in USDC. The same as <a href="/openapi.json">openapi.json</a>.</p>
    <nav>${tags.map((tag) => `<a href="#${tag}">${escapeHtml(tag)}</a>`).join('')}<a href="#codes">codes</a></nav>
    ${sections.join('')}${codes()}</html>`
}

const NEEDS = {
  anyone: 'everybody',
  looker: 'any key, or everybody where looking is public',
  key: 'any key',
  operator: 'the operator (scope manage; to look, read will do)',
}

function takes({ parameters, requestBody }: Operation): string {
  const rows = parameters.map(({ name, in: place, schema }) =>
    fieldRow(`${name} (${place})`, schema),
  )
  const schema = requestBody?.content['application/json'].schema
  return table('Takes', [...rows, ...(schema ? fieldRows(schema, '') : [])])
}

function gives({ responses }: Operation): string {
  const status = Object.keys(responses).find((name) => name !== 'default')!
  const schema = responses[status]?.content?.['application/json']?.schema
  return table(`Gives ${status}`, schema ? fieldRows(schema, '') : [])
}

function fieldRows(schema: Schema, prefix: string): string[] {
  const rows = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const mark = schema.required?.includes(name) ? '' : '?'
    const inner = field.items?.properties ? field.items : field
    return [fieldRow(`${prefix}${name}${mark}`, field), ...fieldRows(inner, `${prefix}${name}.`)]
  })
  return [...rows, ...(schema.oneOf ?? schema.anyOf ?? []).flatMap((one) => fieldRows(one, prefix))]
}

function fieldRow(name: string, schema: Schema): string {
  const kinds = schema.enum?.map(String).join(' | ') ?? schema.const ?? typeOf(schema)
  return `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(String(kinds))}</td>
    <td>${escapeHtml(schema.description ?? '')}</td></tr>`
}

function typeOf(schema: Schema): string {
  if (schema.type === 'array') return `list of ${schema.items?.type ?? 'anything'}`
  const types = schema.type ?? (schema.anyOf ?? schema.oneOf ?? []).map(typeOf)
  return [types].flat().join(' | ')
}

function table(title: string, rows: string[]): string {
  return rows.length === 0
    ? ''
    : `<table><tr><th colspan="3">${title}</th></tr>${rows.join('')}</table>`
}

function codes(): string {
  const rows = problemRows().map(
    ({ code, status, title, action }) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td>
       <td>${escapeHtml(title)}. ${escapeHtml(action)}</td></tr>`,
  )
  return `<h2 id="codes">Codes of refusals</h2><table>${rows.join('')}</table>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
