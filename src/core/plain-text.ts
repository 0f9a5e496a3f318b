/**
 * Text that strangers wrote, as plain text: nothing that people do not see and models do, and no
 * markup that a client could render. The work is linear in the length, whatever the text is: no
 * pattern here can come over the same characters from many starts.
 */

/** Markup may hide markup, as entities hide tags; what is deeper than this loses all its signs. */
const MAX_PASSES = 4
const MARKUP_SIGNS = /[<>&`*_[\]#|~\\]/g

/** Control, zero-width, bidirectional, tag and private characters, variation selectors, fillers. */
const INVISIBLE = String.raw`(?![\t\n\r])[\p{C}\p{Default_Ignorable_Code_Point}]`
const ANY_INVISIBLE = new RegExp(INVISIBLE, 'u')
const ALL_INVISIBLE = new RegExp(INVISIBLE, 'gu')

/** What a text must have for anything below to change it; most have none of it. */
const SUSPECT = /[^\n -~]|[<&`*_[\]#|~\\]|[ \n] |[ \n]\n|^[ \n]|[ \n]$|(?:^|\n)[>+:=-]/

/** Elements that descriptions of APIs are written with; other names are taken for placeholders. */
const INLINE_TAGS = new Set(
  `a abbr b big center code del em font i iframe img ins kbd mark q s samp script small span strike
  strong style sub sup svg tt u var`.split(/\s+/),
)
const BLOCK_TAGS = new Set(
  `blockquote br caption col colgroup dd details div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre summary
  table tbody td tfoot th thead tr ul`.split(/\s+/),
)

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' },
  ...{ ndash: '–', mdash: '—', hellip: '…', bull: '•', middot: '·', times: '×', deg: '°' },
  ...{ lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»', larr: '←' },
  ...{ rarr: '→', le: '≤', ge: '≥', ne: '≠', euro: '€', pound: '£', copy: '©', reg: '®' },
}

/** What follows the name of an element; a comparison as in "a<b and c>d" has no such thing. */
const VALUE = String.raw`\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=]+)`
const ATTRIBUTES = RegExp(
  String.raw`^(?:\s+[\w:@.-]+${VALUE}(?:\s+[\w:@.-]+(?:${VALUE})?)*)?\s*/?$`,
)
/** A text in brackets and where it leads: "[a-z](b[c])" and "list[0](x)" lead nowhere. */
const LINK =
  /!?\[([^[\]\n]*)\]\(\s*(?:(?:[a-zA-Z][\w+.-]{0,20}:|[/#.?]|[\w-]{1,60}[./#?])[^()\n]*)?\)/g

type Replacement = string | ((found: string, ...groups: string[]) => string)

/** In this order: what entities and comments hide comes to light first, lines before words. */
const MARKUP: readonly (readonly [pattern: RegExp, replacement: Replacement])[] = [
  [/&(?:([a-zA-Z]{2,8})|#(\d{1,7})|#[xX]([\da-fA-F]{1,6}));/g, characterOf],
  // <https://example.com>, <support@example.com>
  [/<([^<>\s@:]{1,64}[@:][^<>\s]*)>/g, '$1'],
  [/<(\/?)([a-zA-Z][\w-]{0,40})([^<>]*)>/g, textOfTag],
  [/<\|([^<>|]{0,64})\|>/g, '($1)'],
  // Fences, rules, underlined headings, and what separates the head of a table.
  [/^(?:`{3,}|~{3,})[^`\n]*$/gm, ''],
  [/^[ :|+=*_-]{3,}$/gm, ''],
  [/^\|(.*)$/gm, (_line, cells) => cellsOf(cells)],
  // "# of items" counts them, and "> 18" compares.
  [/^#{1,6} (?!of )/gm, ''],
  [/ #+$/gm, ''],
  [/^(?:> ?)+(?! ?[=\d])/gm, ''],
  [/^[*+] /gm, '- '],
  // Where reference links lead; the links themselves mean nothing without it.
  [/^\[[^[\]\n]+\]: ?(?:https?:\/\/|www\.|\/|#).*$/gm, ''],
  [LINK, '$1'],
  // Code ends a word even where no space follows it; "`id`s" is one word.
  [/`+([^`\n]{1,300})`+(\p{L}{2})?/gu, (_code, said, next) => (next ? `${said} ${next}` : said!)],
  [/`+/g, ''],
  [/~~+/g, ''],
  // But not those of a pattern, as in "{name=**}" and "**\/*.ts".
  [/(?<![\w)])\*{2,}(?=[^\s}/])/g, ''],
  [/(?<=[^\s=/])\*{2,}(?!\w)/g, ''],
  [
    /(?<![^\s([{"'])\*(?=[\p{L}\p{N}])([^*\n]{1,300})(?<=[\p{L}\p{N}.,!?)])\*(?![^\s)\]}"'.,:;!?])/gu,
    '$1',
  ],
  [/(?<![^\s([{"'])(__?)(?=[^\s_])([^_\n]{1,300})(?<=[^\s_])\1(?![^\s)\]}"'.,:;!?])/g, '$2'],
  [/\\([`*_#[\]<>|~])/g, '$1'],
]

/** Whether `text` holds characters that are not seen; white space is no such character. */
export function hasInvisible(text: string): boolean {
  return ANY_INVISIBLE.test(text)
}

/** `text` without what is not seen, white space as it is. */
export function withoutInvisible(text: string): string {
  return text.replace(ALL_INVISIBLE, '')
}

/**
 * What a reader of `text` sees, without characters that nobody sees and without HTML or Markdown:
 * of links, images and tables their texts stay, of code what it says. White space is made single,
 * empty lines are one at most. What is plain already comes back as it is.
 */
export function plainText(text: string): string {
  if (!SUSPECT.test(text)) return text
  let plain = tidy(text)
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const next = withoutMarkup(plain)
    if (next === plain) return withoutBeginnings(plain)
    plain = next
  }
  return withoutMarkup(tidy(plain.replace(MARKUP_SIGNS, '')))
}

/** {@link plainText} on one line. */
export function plainLine(text: string): string {
  const plain = plainText(text)
  return plain.includes('\n') ? plainText(plain.replace(/\n+/g, ' ')) : plain
}

/** `text`, or as much of it as fits into `maxChars` characters, the last one then being "…". */
export function clip(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  return `${text
    .slice(0, maxChars - 1)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd()}…`
}

function withoutMarkup(text: string): string {
  let plain = withoutComments(text)
  for (const [pattern, replacement] of MARKUP) {
    // The overloads of `replace` take one kind or the other.
    plain = plain.replace(pattern, replacement as string)
  }
  return tidy(plain)
}

/** A tag or a link that is begun and not ended becomes what nobody takes for one. */
function withoutBeginnings(text: string): string {
  return text.replace(/<(?=[a-zA-Z/!?|])/g, '< ').replace(/\](?=\()/g, '] ')
}

/** Comments of HTML go with all that they say; the first that does not end ends the search. */
function withoutComments(text: string): string {
  let kept = ''
  let from = 0
  for (;;) {
    const start = text.indexOf('<!--', from)
    const end = start < 0 ? -1 : text.indexOf('-->', start + 4)
    if (end < 0) return kept + text.slice(from)
    kept += text.slice(from, start)
    from = end + 3
  }
}

function tidy(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(ALL_INVISIBLE, '')
    .replace(/[\p{Zs}\t\u2800]+/gu, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}

function characterOf(entity: string, name = '', decimal = '', hex = ''): string {
  if (name !== '') return ENTITIES[name] ?? entity
  const code = decimal === '' ? Number.parseInt(hex, 16) : Number.parseInt(decimal, 10)
  return code <= 0x10ffff ? String.fromCodePoint(code) : ''
}

/** What an element leaves behind; what only looks like one, as in `/users/<id>`, stays readable. */
function textOfTag(_tag: string, slash: string, name: string, rest: string): string {
  const element = name.toLowerCase()
  const isKnown = INLINE_TAGS.has(element) || BLOCK_TAGS.has(element)
  if (!ATTRIBUTES.test(rest)) {
    return isKnown || /[="']/.test(rest) ? `< ${slash}${name}${rest}>` : `{${name}${rest}}`
  }
  if (element === 'li') return slash === '' ? '\n- ' : '\n'
  if (element === 'td' || element === 'th') return ' '
  if (BLOCK_TAGS.has(element)) return '\n'
  if (slash !== '' || isKnown || rest.includes('=')) return ''
  return `{${name}}`
}

function cellsOf(row: string): string {
  const cells = row.split('|').map((cell) => cell.trim())
  return cells.filter((cell) => cell !== '').join(', ')
}
