/** Tasks that were played, as Markdown: what each step cost, and the transcripts, shortened. */
import { clip } from '#core/plain-text'
import type { Market } from './agent-tasks-market.js'
import {
  type Json,
  type Played,
  type Result,
  resultsOf,
  tokensOf,
  type Use,
} from './agent-tasks-play.js'

/** Longer texts and lists are cut in transcripts. */
const TEXT_CHARS = 110
const MEMBERS = 8
const DEPTH = 4
const SUMMARY_CHARS = 90
const PICKED = ' **← picked**'
/** Ids, times and signatures, which differ each time. */
const EACH_TIME_ANEW = [
  'call_id',
  'receipt',
  'receipt_id',
  'changed_at',
  'id',
  'cursor',
  'next_cursor',
]
/** What a description says of every endpoint alike, or at length. */
const CUT_WHOLE = ['output_schema', 'health', 'seller', 'provider', 'success_rule']

export type Trial = {
  played: readonly Played[]
  counts: Market['counts']
  /** Of the list of tools: all of it, and what clients show a model. */
  tokens: { tools: number; shown: number }
}

export function pageOf({ played, counts, tokens }: Trial): string {
  const { shipped, imported, documents } = counts
  const total = (shipped + imported).toLocaleString('en-US')
  const pages = played.flatMap(({ browses }) => browses.map(({ resultTokens }) => resultTokens))
  const first = played.filter(({ browses, rank }) => browses.length === 1 && rank !== undefined)
  const results = Math.round(
    sum(pages) / sum(played.flatMap(({ browses }) => browses.map(countOf))),
  )
  return `# Ten tasks, tried as an agent would

Written by \`bench/agent-tasks.ts\`:

\`\`\`sh
npx tsx --conditions=souk-source bench/agent-tasks.ts --documents FOLDER --out docs/agent-tasks.md
\`\`\`

For sale are ${total} endpoints: ${shipped} of the providers that ship, and ${imported.toLocaleString('en-US')} imported from ${documents} public OpenAPI documents.
A fresh gateway sells them; an agent's own client library asks it over MCP. Each call goes through the whole of the
gateway, is paid, and ends at a server of the program, which answers with the method, path, query and body that it
was sent (and with \`ts\` and \`items\`, without which some shipped providers count as having failed): what a call says
to its provider is shown, what the provider would say to it is not.

The wishes are everyday ones without words of an API. In half of the tasks the wish itself is the query; in the
others the query is what an agent makes of it. These first queries were written down before any result was seen, and
are the test. What is picked is the first result that would grant the wish, as the author of the tasks judges. Where
none of the first five does, it is a miss, and the agent goes on with other words or the next page; those words were
chosen with results at hand, so that they show how an agent recovers, not how well the search does.

## What it costs

Tokens are o200k_base, of the arguments that a model writes and of the text that it reads. Ids, times and signatures
are made anew each time and change them by a few.

${tableOf(played)}

The first search put an endpoint that would do among its first five for ${first.length} of ${played.length} wishes: for ${countBy(first, true)} of the ${countBy(played, true)} that were
asked as they are, and for ${countBy(first, false)} of the ${countBy(played, false)} whose query says what the endpoint does, as \`browse_apis\` tells agents to.
A page of results has
${Math.min(...pages)} to ${Math.max(...pages)} tokens, ${results} a result. The list of the seven tools, read once a session, has ${tokens.tools.toLocaleString('en-US')} tokens, of which
${tokens.shown.toLocaleString('en-US')} are names, descriptions and input schemas, which is what clients show a model. It is the same for any number of
endpoints.

${shareOf(played, 'describe', 'output_schema')} of the tokens of the descriptions are output schemas, ${shareOf(played, 'describe', 'input_schema')} input schemas; ${shareOf(played, 'call', 'receipt')} of what calls answer
are their receipts.

## Transcripts

Long texts, schemas and lists are cut with "…", and so is what differs each time.

${played.map((one, i) => transcriptOf(one, i + 1)).join('\n\n')}
`
}

/** How much of all that these uses answered one member is. */
function shareOf(played: readonly Played[], step: 'describe' | 'call', member: string): string {
  const uses = played.flatMap((one) => one[step] ?? [])
  const part = sum(uses.map(({ result }) => tokensOf(JSON.stringify(result[member] ?? ''))))
  return `${Math.round((100 * part) / sum(uses.map(({ resultTokens }) => resultTokens)))} %`
}

/** How many of these asked with the wish as it is, or with a query made of it. */
function countBy(played: readonly Played[], isAsItIs: boolean): number {
  const asItIs = ({ task, browses }: Played) => browses[0]?.request.query === task.wish
  return played.filter((one) => asItIs(one) === isAsItIs).length
}

function countOf(browse: Use): number {
  return resultsOf(browse).length
}

/** A row for each task, and one for what they took together. */
function tableOf(played: readonly Played[]): string {
  const headings = '| task | searches | rank | browse | describe | call | together | outcome |'
  const rule = '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |'
  const rows = played.map((one, i) => {
    const tokens = tokensIn(one)
    const { browses } = one
    const cells = [browses.length, rankText(one), ...tokens, sum(tokens), outcomeOf(one)]
    return `| ${i + 1}. ${one.task.wish} | ${cells.join(' | ')} |`
  })
  const all = played.map(tokensIn)
  const means = [0, 1, 2].map((step) => Math.round(sum(all.map((it) => it[step]!)) / all.length))
  const mean = `| mean | | | ${means.join(' | ')} | ${sum(means)} | |`
  return [headings, rule, ...rows, mean].join('\n')
}

function rankText({ browses, rank }: Played): string {
  const last = rank ?? 'nothing'
  return browses.length === 1 ? `${last}` : `miss, then ${last}`
}

/** Tokens of a browse, a description and a call, request and result. */
function tokensIn({ browses, describe, call }: Played): number[] {
  return [browses, describe ? [describe] : [], call ? [call] : []].map((uses) =>
    sum(uses.map(({ requestTokens, resultTokens }) => requestTokens + resultTokens)),
  )
}

function outcomeOf({ call }: Played): string {
  if (!call) return 'nothing found'
  const { outcome, code } = call.result
  return String(outcome ?? code)
}

/** The whole course of a task. */
function transcriptOf({ task, browses, rank, describe, call }: Played, at: number): string {
  const picked = describe?.request.endpoint_id
  const parts = [`### ${at}. ${task.wish}`, ...browses.map((browse) => browseText(browse, picked))]
  if (rank === undefined) parts.push('The agent gives up.')
  if (describe) parts.push(useText(describe))
  if (call) parts.push(useText(call))
  if (task.remark) parts.push(task.remark)
  return parts.join('\n\n')
}

function browseText(browse: Use, picked: unknown): string {
  const lines = resultsOf(browse).map((result, i) => {
    const line = `${i + 1}. ${resultText(result)}`
    return result.endpoint_id === picked ? line + PICKED : line
  })
  const isEnough = lines.some((line) => line.endsWith(PICKED))
  const after = isEnough ? '' : '\n\nNone of these would do.'
  return `${headOf(browse)}\n\n${lines.join('\n')}${after}`
}

function resultText({ endpoint_id, title, summary }: Result): string {
  const text = summary === title || summary === '' ? '' : `: ${clip(summary, SUMMARY_CHARS)}`
  return `\`${endpoint_id}\` ${plain(title)}${plain(text)}`
}

/** Sellers' texts are no markup. */
function plain(text: string): string {
  return text.replace(/[<>*_`[\]|]/g, '\\$&')
}

function useText(use: Use): string {
  const members = Object.entries(use.result).map(([name, value]) => {
    const shown = CUT_WHOLE.includes(name) ? '…' : shortened(value, name)
    return `  ${JSON.stringify(name)}: ${shown === '…' ? '…' : JSON.stringify(shown)}`
  })
  return `${headOf(use)}\n\n\`\`\`\n{\n${members.join(',\n')}\n}\n\`\`\``
}

function headOf({ tool, request, requestTokens, resultTokens }: Use): string {
  const given = JSON.stringify(shortened(request))
  return `\`${tool}\` \`${given.replaceAll('`', "'")}\` (${requestTokens} tokens) → ${resultTokens} tokens`
}

function shortened(value: unknown, name = '', depth = 0): unknown {
  if (typeof value === 'string') {
    // Boundaries of parts are made anew each time.
    return EACH_TIME_ANEW.includes(name)
      ? '…'
      : clip(value.replace(/--[\w-]{16,}/g, '--…'), TEXT_CHARS)
  }
  if (Array.isArray(value)) {
    const first = value.slice(0, MEMBERS).map((item) => shortened(item, '', depth + 1))
    return value.length > MEMBERS ? [...first, `… ${value.length - MEMBERS} more`] : first
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH) return '…'
  const members = Object.entries(value as Json)
  const first = members
    .slice(0, MEMBERS)
    .map(([key, member]) => [key, shortened(member, key, depth + 1)])
  if (members.length > MEMBERS) first.push(['…', `${members.length - MEMBERS} more`])
  return Object.fromEntries(first)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
