/**
 * The rules of the house as functions from a file's path and text to offences, so that each can be
 * shown to catch one. `test/architecture.test.ts` holds the table and runs them over the project.
 */
import { posix } from 'node:path'

/** A file of the project; `path` is relative to its root, with forward slashes. */
export type SourceFile = { path: string; text: string }

/** `path:line what is wrong`. */
export type Offence = string

export type Rule = (file: SourceFile) => Offence[]

/** What a folder of `src/` may import: folders by name, `#x` for `src/x`. */
export type ImportTable = Readonly<Record<string, readonly string[]>>

export type Import = { from: string; clause: string; isType: boolean; line: number }

const MAX_LINES = 400
const MAX_README_LINES = 40

/** Comments are prose: they may name what code may not do. Lines keep their numbers. */
export function withoutComments(text: string): string {
  return text.replace(TOKENS, (token, ...groups) =>
    (groups.at(-1) as { comment?: string }).comment === undefined ? token : blank(token),
  )
}

/** Strings are prose, too, but for templates, which hold code. */
function withoutProse(text: string): string {
  return withoutComments(text).replace(TOKENS, (token) =>
    /^['"]/.test(token) ? `'${blank(token.slice(1, -1))}'` : token,
  )
}

/** A comment, a string, a template, or a pattern where an expression may begin. */
const TOKENS = new RegExp(
  [
    String.raw`(?<comment>\/\/.*|\/\*[\s\S]*?\*\/)`,
    String.raw`'(?:\\.|[^'\\\n])*'`,
    String.raw`"(?:\\.|[^"\\\n])*"`,
    String.raw`${'`'}(?:\\[\s\S]|[^${'`'}\\])*${'`'}`,
    String.raw`(?<=(?:[(,=:[!&|?{};]|\breturn|=>|^)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/`,
  ].join('|'),
  'gm',
)

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

/** Everything that a file imports or exports from elsewhere, types and `import()` included. */
export function importsIn({ text }: SourceFile): Import[] {
  const code = withoutComments(text)
  const found: Import[] = []
  for (const { index, groups } of code.matchAll(STATEMENT)) {
    const clause = groups!.clause ?? ''
    const names = /^\{(.*)\}$/s.exec(clause.trim())?.[1]?.split(',') ?? []
    const written = names.map((name) => name.trim()).filter((name) => name !== '')
    const onlyTypes = written.length > 0 && written.every((name) => name.startsWith('type '))
    const isType = groups!.type !== undefined || onlyTypes
    found.push({ from: groups!.from!, clause, isType, line: lineAt(code, index) })
  }
  for (const { index, groups } of code.matchAll(/\bimport\(\s*['"](?<from>[^'"]+)['"]/g)) {
    found.push({ from: groups!.from!, clause: '', isType: false, line: lineAt(code, index) })
  }
  return found
}

const STATEMENT = new RegExp(
  [
    String.raw`^(?:import|export)\s+`,
    String.raw`(?:(?<type>type\s+)?(?<clause>\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+(?:\s*,\s*(?:\{[^}]*\}|\*\s+as\s+\w+))?)\s*from\s*)?`,
    `['"](?<from>[^'"]+)['"]`,
  ].join(''),
  'gm',
)

/** Who may import whom. */
export function importRule(table: ImportTable): Rule {
  return (file) =>
    importsIn(file).flatMap((imported) => {
      const fault = isRelative(imported.from)
        ? relativeFault(file.path, imported.from)
        : aliasFault(table, file.path, imported)
      return fault === undefined ? [] : [offence(file, imported.line, fault)]
    })
}

function isRelative(from: string): boolean {
  return from.startsWith('.')
}

function relativeFault(path: string, from: string): string | undefined {
  const target = posix.join(posix.dirname(path), from)
  const [home, there] = [homeOf(path), homeOf(target)]
  if (home === there) return undefined
  if (isTest(path) && there === 'test') return undefined
  if (home === 'seeds' && there === 'src') return undefined
  if (path === 'src/first-start.ts' && there === 'seeds') return undefined
  if (home === 'test' || home === 'bench') return undefined
  return `${from} leaves ${home}; use #${there.replace('src/', '')}`
}

function aliasFault(
  table: ImportTable,
  path: string,
  { from, isType }: Import,
): string | undefined {
  const home = homeOf(path)
  if (!from.startsWith('#')) return packageFault(home, path, from)
  const [, folder, rest] = /^#([\w-]+)(\/.+)?$/.exec(from) ?? []
  if (folder === undefined) return `${from} is no front door`
  if (folder !== 'core' && rest !== undefined) return `${from} goes past the front door #${folder}`
  if (home === 'examples') return `an example imports ${from}; people copy it without the project`
  if (!home.startsWith('src/')) return undefined
  const may = table[home.slice('src/'.length)] ?? []
  if (may.includes(folder)) return undefined
  if (may.includes(`type ${folder}`)) {
    return isType ? undefined : `${home} may import only types from ${from}`
  }
  return `${home} may not import ${from}`
}

function packageFault(home: string, path: string, from: string): string | undefined {
  if (isTest(path) || from.startsWith('node:')) return undefined
  if (home === 'src/core' && from !== 'zod') return `core may import node and zod, not ${from}`
  return undefined
}

/** `src/ledger` for what lies in a folder of `src`, `src` for its top level, else the top folder. */
function homeOf(path: string): string {
  const [top = '', folder = '', ...rest] = path.split('/')
  return top === 'src' && rest.length > 0 ? `src/${folder}` : top
}

/** The verifier must run in a browser, so it takes nothing of the server along. */
export const verifierRule: Rule = (file) =>
  file.path === 'src/receipts/verify.ts'
    ? importsIn(file)
        .filter(({ from }) => from !== 'tweetnacl')
        .map(({ from, line }) => offence(file, line, `the verifier imports ${from}`))
    : []

export const clockRule = ban(
  /\bDate\.now\b|\bnew Date\b/,
  'reads the clock or builds a date; use #core/clock',
  ({ path }) => isShipped(path) && path !== 'src/core/clock.ts',
)

export const environmentRule = ban(
  /\bprocess\.env\b/,
  'reads the environment; config.ts does',
  ({ path }) => isShipped(path) && path !== 'src/config.ts',
)

export const floatRule = ban(
  /\bNumber\(|\bparseFloat\b|\btoFixed\b/,
  'makes a float of money',
  ({ path }) => /^src\/(ledger|pricing|payments)\//.test(path) && !isTest(path),
)

export const starRule = ban(/^export \*/, 're-exports everything; name it', () => true)

export const defaultExportRule = ban(
  /^export default\b|\bas default\b/,
  'exports a default; name it',
  ({ path }) => !path.endsWith('.config.ts'),
)

const OUTBOUND_MODULES =
  /^(undici|meilisearch|@modelcontextprotocol\/client.*|node:(https|http2|tls|dgram)|https?|http2|tls|net|dgram)$/
const OUTBOUND_NAMES = /\b(?<!type )(request|get|connect|createConnection|Socket)\b/
/**
 * Their only ways out: the gateway's own health, MCP and public keys; a JWKS that a person names; the
 * operator's Meilisearch.
 */
const OWN_DOOR = new Set([
  ...['src/demo.ts', 'src/import-command.ts', 'src/running-gateway.ts', 'src/verify-command.ts'],
  'src/search/meilisearch-client.ts',
])

/** One guarded way out for calls: everything else would pass the address guard by. */
export const outboundRule: Rule = (file) => {
  const { path } = file
  if (!isShipped(path) || path === 'src/upstreams/egress.ts' || OWN_DOOR.has(path)) return []
  const imported = importsIn(file)
    .filter(({ from, clause, isType }) => {
      if (OUTBOUND_MODULES.test(from)) return true
      if (isType || !/^node:(http|net)$/.test(from)) return false
      return OUTBOUND_NAMES.test(clause) || !clause.trim().startsWith('{')
    })
    .map(({ from, line }) => offence(file, line, `reaches out through ${from}; use #upstreams`))
  return [...imported, ...globalClientRule(file)]
}

const globalClientRule = ban(
  /(?<![.\w]|function )fetch\(|\bglobalThis\.fetch\b|\bnew (WebSocket|EventSource)\b/,
  'reaches out with a global client; use #upstreams',
  () => true,
)

export const lengthRule: Rule = (file) => {
  const lines = lineCount(file.text)
  return lines > MAX_LINES ? [offence(file, MAX_LINES + 1, `has ${lines} lines`)] : []
}

const BANNED_WORDS = new Set(['util', 'utils', 'helper', 'helpers', 'common'])
const BANNED_STEMS = ['manager', 'service']

/** Words that say nothing: whoever looks for something finds it anywhere or nowhere. */
export const nameRule: Rule = (file) => {
  const names = file.path.split('/')
  const words = names.flatMap((name) => name.toLowerCase().split(/[^a-z]+/))
  const offences = words
    .filter((word) => BANNED_WORDS.has(word) || BANNED_STEMS.some((stem) => isForm(word, stem)))
    .map((word) => offence(file, 1, `is named "${word}"; name the noun`))
  const isIndex = /^index\.[cm]?[jt]s$/.test(names.at(-1)!)
  return isIndex ? [...offences, offence(file, 1, 'is an index; use a front door')] : offences
}

function isForm(word: string, stem: string): boolean {
  return word === stem || word === `${stem}s`
}

/** What the folders of `src/` must be: listed, with a front door and a README, and flat. */
export function folderOffences(
  files: readonly SourceFile[],
  table: ImportTable,
  nested: Readonly<Record<string, readonly string[]>>,
): Offence[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const folders = new Set(files.map(({ path }) => homeOf(path)).filter((home) => home !== 'src'))
  const offences = [...folders].flatMap((home) => {
    const name = home.slice('src/'.length)
    if (!Object.hasOwn(table, name)) return [`${home}:1 is not in the table`]
    const hasDoor = name === 'core' || byPath.has(`${home}/${name}.ts`)
    return [
      ...(hasDoor ? [] : [`${home}:1 has no front door ${name}.ts`]),
      ...readmeOffences(home, byPath.get(`${home}/README.md`)),
    ]
  })
  const deep = files.filter(({ path }) => {
    const [, folder = '', sub = '', ...rest] = path.split('/')
    return rest.length > 0 && !nested[folder]?.includes(sub)
  })
  return [...offences, ...deep.map((file) => offence(file, 1, 'lies in a folder of a feature'))]
}

function readmeOffences(home: string, readme: SourceFile | undefined): Offence[] {
  if (!readme) return [`${home}:1 has no README.md`]
  const lines = lineCount(readme.text)
  return lines > MAX_README_LINES ? [`${readme.path}:41 the README has ${lines} lines`] : []
}

function ban(pattern: RegExp, fault: string, applies: (file: SourceFile) => boolean): Rule {
  return (file) => {
    if (!applies(file)) return []
    const lines = withoutProse(file.text).split('\n')
    return lines.flatMap((line, i) => (pattern.test(line) ? [offence(file, i + 1, fault)] : []))
  }
}

/** Code that runs in a gateway, and so neither a test nor a tool. */
function isShipped(path: string): boolean {
  return /^(src|seeds)\//.test(path) && !isTest(path)
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

function offence({ path }: SourceFile, line: number, fault: string): Offence {
  return `${path}:${line} ${fault}`
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}
