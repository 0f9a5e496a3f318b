/**
 * A stand-in for a Meilisearch server, over HTTP: the routes that the gateway uses, with the
 * protocol of the real one: tasks that are enqueued and done one after the other, settings that
 * decide what may be filtered, swaps, keys, error codes. It cannot prove how the real one ranks;
 * `test/contract/meilisearch.test.ts` asks a real one where there is one.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type Asked,
  only,
  Refused,
  type Row,
  rowsPassing,
  type StoredIndex,
  search,
} from './meilisearch-search.js'

type Task = {
  uid: number
  type: string
  indexUid: string | null
  status: 'enqueued' | 'succeeded' | 'failed'
  error: { code: string; message: string } | null
}
type Work = { task: Task; run(): void }

export type AMeilisearch = {
  url: string
  key: string
  /** What is stored, by the name of the index. */
  indexes: Map<string, StoredIndex>
  /** Every request that came in, as `POST /indexes/x/documents`. */
  requests: string[]
  tasks: Task[]
  /** From now on requests are answered with this; `undefined` ends it. */
  answerAllWith(answer: { status: number; body: string } | undefined): void
  /** From now on requests whose line holds `part` are never answered; `undefined` ends it. */
  neverAnswer(part: string | undefined): void
  /** The next task of a type fails with this code. */
  failNext(type: string, code: string): void
  /** Called before the next task of a type is done. */
  beforeNext(type: string, act: () => void): void
  /** As if the machine were switched off: connections end, and nobody listens. */
  goAway(): Promise<void>
  comeBack(): Promise<void>
  close(): Promise<void>
}

const SETTINGS = new Set([
  ...['searchableAttributes', 'displayedAttributes', 'filterableAttributes', 'sortableAttributes'],
  ...['rankingRules', 'stopWords', 'synonyms', 'separatorTokens', 'typoTolerance', 'pagination'],
  ...['faceting', 'embedders'],
])

export async function aMeilisearch(): Promise<AMeilisearch> {
  const indexes = new Map<string, StoredIndex>()
  const tasks: Task[] = []
  const failures = new Map<string, string>()
  const actions = new Map<string, () => void>()
  let silenced: string | undefined
  let forced: { status: number; body: string } | undefined
  let server: Server
  let port = 0

  const world: AMeilisearch = {
    url: '',
    key: 'meilisearch-key-of-the-tests',
    indexes,
    requests: [],
    tasks,
    answerAllWith: (answer) => {
      forced = answer
    },
    neverAnswer: (part) => {
      silenced = part
    },
    failNext: (type, code) => void failures.set(type, code),
    beforeNext: (type, act) => void actions.set(type, act),
    async goAway() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
    comeBack: async () => {
      if (!server.listening) await listen()
    },
    close: () => (server.listening ? world.goAway() : Promise.resolve()),
  }
  await listen()
  world.url = `http://127.0.0.1:${port}`
  return world

  async function listen(): Promise<void> {
    server = createServer((req, res) => void serve(req, res))
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const line = `${req.method} ${req.url}`
    world.requests.push(line)
    const text = await bodyOf(req)
    if (silenced !== undefined && line.includes(silenced)) return
    if (forced) {
      res.writeHead(forced.status).end(forced.body)
      return
    }
    const { status, body } = attempt(req, line, text)
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  function attempt(req: IncomingMessage, line: string, text: string) {
    if (req.headers.authorization !== `Bearer ${world.key}`) return refusal(403, 'invalid_api_key')
    // Half characters, which JavaScript escapes, are no JSON for Meilisearch.
    if (/\\ud[89a-f]/i.test(text)) return refusal(400, 'malformed_payload')
    try {
      return answer(line, text === '' ? undefined : JSON.parse(text))
    } catch (error) {
      if (error instanceof Refused) {
        return refusal(error.code.endsWith('not_found') ? 404 : 400, error.code)
      }
      throw error
    }
  }

  function answer(line: string, body: unknown): { status: number; body: unknown } {
    const [method, path = ''] = line.split(' ')
    const { pathname, searchParams } = new URL(path, 'http://meilisearch')
    const [root, uid = '', part, last] = pathname.slice(1).split('/')
    if (root === 'health') return found({ status: 'available' })
    if (root === 'version') return found({ pkgVersion: '1.50.0', commitSha: '', commitDate: '' })
    if (root === 'tasks') return found(uid === '' ? listTasks(searchParams) : tasks[Number(uid)])
    if (root === 'swap-indexes') return swap((body as { indexes: [string, string] }[])[0]!.indexes)
    if (root === 'multi-search') {
      const { queries } = body as { queries: (Asked & { indexUid: string })[] }
      return found({ results: queries.map((query) => search(indexNamed(query.indexUid), query)) })
    }
    if (root !== 'indexes') throw new Refused('not_found')
    if (method === 'POST' && uid === '') return create(body as { uid: string })
    if (part === undefined) return method === 'GET' ? described(uid) : drop(uid)
    if (part === 'settings') return changeSettings(uid, body as Record<string, unknown>)
    if (part === 'search') return found(search(indexNamed(uid), body as Asked))
    return documents(`${method} ${last ?? ''}`, uid, last, body)
  }

  function documents(what: string, uid: string, last: string | undefined, body: unknown) {
    if (what === 'POST fetch') return found(fetchRows(indexNamed(uid), body as Asked))
    if (what === 'POST ') return write(uid, body as Row[], () => ({}))
    if (what === 'PUT ') return write(uid, body as Row[], (row) => Object(rowIn(uid, row.id)))
    if (what === 'POST delete-batch') return remove(uid, new Set(body as string[]))
    if (what === 'DELETE ') return remove(uid, undefined)
    const row = indexNamed(uid).rows.get(last!)
    if (!row) throw new Refused('document_not_found')
    return found(row)
  }

  function create({ uid }: { uid: string }) {
    return enqueue('indexCreation', uid, () => {
      if (indexes.has(uid)) throw new Refused('index_already_exists')
      indexes.set(uid, { rows: new Map(), settings: {} })
    })
  }

  function described(uid: string) {
    indexNamed(uid)
    return found({ uid, primaryKey: 'id' })
  }

  function drop(uid: string) {
    return enqueue('indexDeletion', uid, () => {
      indexNamed(uid)
      indexes.delete(uid)
    })
  }

  function changeSettings(uid: string, settings: Record<string, unknown>) {
    if (Object.keys(settings).some((name) => !SETTINGS.has(name))) throw new Refused('bad_request')
    return enqueue('settingsUpdate', uid, () => Object.assign(indexNamed(uid).settings, settings))
  }

  /** Like the real one, it makes the index where there is none. */
  function write(uid: string, rows: Row[], before: (row: Row) => object) {
    return enqueue('documentAdditionOrUpdate', uid, () => {
      if (!indexes.has(uid)) indexes.set(uid, { rows: new Map(), settings: {} })
      for (const row of rows) {
        if (!/^[a-zA-Z0-9_-]{1,511}$/.test(row.id)) throw new Refused('invalid_document_id')
        indexNamed(uid).rows.set(row.id, { ...before(row), ...row })
      }
    })
  }

  function remove(uid: string, ids: ReadonlySet<string> | undefined) {
    return enqueue('documentDeletion', uid, () => {
      const { rows } = indexNamed(uid)
      for (const id of ids ?? [...rows.keys()]) rows.delete(id)
    })
  }

  function swap([first, second]: [string, string]) {
    return enqueue('indexSwap', null, () => {
      const [one, other] = [indexNamed(first), indexNamed(second)]
      indexes.set(first, other)
      indexes.set(second, one)
    })
  }

  function enqueue(type: string, indexUid: string | null, run: () => void) {
    const task: Task = { uid: tasks.length, type, indexUid, status: 'enqueued', error: null }
    tasks.push(task)
    setImmediate(() => perform({ task, run }))
    return { status: 202, body: { taskUid: task.uid, indexUid, status: 'enqueued', type } }
  }

  function perform({ task, run }: Work): void {
    const code = failures.get(task.type)
    failures.delete(task.type)
    actions.get(task.type)?.()
    actions.delete(task.type)
    try {
      if (code !== undefined) throw new Refused(code)
      run()
      task.status = 'succeeded'
    } catch (error) {
      task.status = 'failed'
      task.error = { code: (error as Refused).code, message: 'failed' }
    }
  }

  function indexNamed(uid: string): StoredIndex {
    const index = indexes.get(uid)
    if (!index) throw new Refused('index_not_found')
    return index
  }

  function rowIn(uid: string, id: string): Row | undefined {
    return indexes.get(uid)?.rows.get(id)
  }

  function listTasks(asked: URLSearchParams) {
    const of = (name: string) => asked.get(name)?.split(',')
    const matching = tasks
      .filter(({ status }) => of('statuses')?.includes(status) ?? true)
      .filter(({ indexUid }) => of('indexUids')?.includes(indexUid ?? '') ?? true)
      .toReversed()
    return { results: matching.slice(0, Number(asked.get('limit') ?? 20)), total: matching.length }
  }
}

function fetchRows(index: StoredIndex, { filter, limit = 20, ...asked }: Asked) {
  const { fields } = asked as { fields?: string[] }
  const rows = rowsPassing(index, filter)
  const results = rows.slice(0, limit).map((row) => only(row, fields))
  return { results, offset: 0, limit, total: rows.length }
}

function found(body: unknown) {
  return { status: 200, body }
}

function refusal(status: number, code: string) {
  return { status, body: { message: `refused: ${code}`, code, type: 'invalid_request', link: '' } }
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
