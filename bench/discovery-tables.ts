/** The report as tables of Markdown. Scores are in percent. */
import type { EngineReport, Report, Timed } from './discovery-report.js'
import type { Metrics, Scores } from './discovery-score.js'

const SCORES = ['R@1', 'R@5', 'R@10', 'hit@5', 'nDCG@10', 'MRR']
const TIMES = ['p50 ms', 'p99 ms', 'stall ms']

/** A set with every answer judged: its hits mean what they say. */
const JUDGED_SET = 'agentq'

const NAMES = {
  souk: 'Souk',
  bm25: 'BM25, one field',
  bm25f: 'BM25F, tuned',
  fts5: 'SQLite FTS5',
  minisearch: 'MiniSearch',
}

export function tablesOf(report: Report): string {
  const { engines, souk } = report
  const whole = engines.filter(({ scores }) => scores !== undefined)
  return [
    `${report.rows} rows, ${report.queries} queries (${report.absent} of their labels name no row); means over the sets:`,
    engineTable(
      whole,
      ({ scores }) => scores!,
      (engine) => engine,
    ),
    'By set:',
    setTable(whole),
    `The first queries of each set, ${engines[0]!.sampled.queries} in all:`,
    engineTable(
      engines,
      ({ sampled }) => sampled.scores,
      ({ sampled }) => sampled,
    ),
    'What they hold:',
    sizeTable(engines),
    ...(souk ? [soukTable(souk), ...refusalLines(souk.refusals), ...ablationTable(souk)] : []),
  ].join('\n\n')
}

function engineTable(
  engines: readonly EngineReport[],
  scoresOf: (engine: EngineReport) => Scores,
  timesOf: (engine: EngineReport) => Timed,
): string {
  const rows = engines.map((engine) => [
    NAMES[engine.engine],
    ...percents(scoresOf(engine).macro),
    ...times(timesOf(engine)),
  ])
  return markdown([['engine', ...SCORES, ...TIMES], ...rows])
}

function setTable(engines: readonly EngineReport[]): string {
  const rows = engines.flatMap(({ engine, scores }) =>
    Object.entries(scores!.sets).map(([set, metrics]) => [
      set,
      NAMES[engine],
      String(metrics.queries),
      ...percents(metrics),
    ]),
  )
  const inOrder = rows.sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0))
  return markdown([['set', 'engine', 'queries', ...SCORES], ...inOrder])
}

function sizeTable(engines: readonly EngineReport[]): string {
  const rows = engines.map(({ engine, documents, indexMs, indexBytes, memoryBytes }) => [
    NAMES[engine],
    String(documents),
    (indexMs / 1_000).toFixed(1),
    indexBytes === undefined ? 'none' : mebibytes(indexBytes),
    mebibytes(memoryBytes),
  ])
  return markdown([['engine', 'documents', 'index s', 'index MiB', 'memory MiB'], ...rows])
}

function soukTable(souk: NonNullable<Report['souk']>): string {
  const { gateway } = souk
  return markdown([
    ['Souk', 'measured'],
    ['endpoints', String(souk.endpoints)],
    ['loaded in s', (souk.loadMs / 1_000).toFixed(1)],
    ['operations a second', souk.operationsPerSecond.toFixed(0)],
    ['database MiB', mebibytes(souk.databaseBytes)],
    ['start with the kept index until ready, s', (gateway.readyMs / 1_000).toFixed(2)],
    ['… until the first answer over MCP, s', (gateway.firstAnswerMs / 1_000).toFixed(2)],
    ['`browse_apis` over MCP and HTTP, p50 and p99 ms', times(gateway).slice(0, 2).join(' and ')],
    ['memory of the gateway, MiB', mebibytes(gateway.memoryBytes)],
    ['… and at most', mebibytes(gateway.mostMemoryBytes)],
  ])
}

function refusalLines(refusals: Record<string, number>): string[] {
  const lines = Object.entries(refusals)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `- ${count}: ${reason}`)
  return lines.length === 0 ? [] : [`Rows that did not become endpoints:\n\n${lines.join('\n')}`]
}

function ablationTable({ ablations }: NonNullable<Report['souk']>): string[] {
  if (ablations.length === 0) return []
  const rows = ablations.map(({ name, scores, p50Ms }) => {
    const { recall1, recall5, recall10, ndcg10, mrr, hit5 } = scores.macro
    const hits = scores.sets[JUDGED_SET]?.hit5 ?? hit5
    const shares = [recall1, recall5, recall10, ndcg10, mrr, hits].map(percent)
    return [name, ...shares, p50Ms.toFixed(1)]
  })
  const isJudged = ablations[0]!.scores.sets[JUDGED_SET] !== undefined
  const hits = isJudged ? `${JUDGED_SET} hit@5` : 'hit@5'
  const headings = ['Souk', 'R@1', 'R@5', 'R@10', 'nDCG@10', 'MRR', hits, 'p50 ms']
  return [`Ablations, ${ablations[0]!.queries} queries:`, markdown([headings, ...rows])]
}

function percents({ recall1, recall5, recall10, hit5, ndcg10, mrr }: Metrics): string[] {
  return [recall1, recall5, recall10, hit5, ndcg10, mrr].map(percent)
}

function percent(share: number): string {
  return (100 * share).toFixed(1)
}

function times({ p50Ms, p99Ms, stallMs }: Timed): string[] {
  return [p50Ms, p99Ms, stallMs].map((value) => value.toFixed(1))
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

function markdown([headings, ...rows]: string[][]): string {
  const rule = headings!.map((_, column) => (column === 0 ? '---' : '---:'))
  return [headings!, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
