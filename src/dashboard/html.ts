/**
 * HTML that cannot be broken out of: whatever is put into a template becomes text, unless it is HTML
 * made by this template itself. Attributes are quoted in all templates.
 */

const MARKUP = Symbol('markup')

/** Made by {@link html} only: nothing that comes from outside can have the symbol. */
export type Html = { readonly [MARKUP]: string }
export type Content = Html | string | number | undefined | false | readonly Content[]

export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  const markup = parts.reduce((text, part, i) => text + markupOf(values[i - 1]) + part)
  return { [MARKUP]: markup }
}

export function textOf(made: Html): string {
  return made[MARKUP]
}

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
}

function markupOf(content: Content): string {
  if (content === undefined || content === false) return ''
  if (typeof content === 'string') return content.replace(/[&<>"']/g, (sign) => ENTITIES[sign]!)
  if (typeof content === 'number') return String(content)
  if (MARKUP in content) return content[MARKUP]
  return content.map(markupOf).join('')
}
