/** A recorder for tests: it adds links to chains, each numbered after the one before it. */
import type { Recorder } from '#ledger'
import { defineInsert, int, type SqliteConnection } from '#store'

/** A link to be recorded; one that `breaks` makes the recorder throw. */
export type Link = { chain: string; name: string; breaks?: true }

const insertLink = defineInsert('settings', { name: 'text', value: 'text' })

/** Links are rows of `settings`: `<chain>/<number>` and the name. */
export function linkRecorder(connection: SqliteConnection): Recorder {
  const stored = connection.prepare<[string], { n: unknown }>(
    "select count(*) as n from settings where name like ? || '/%'",
  )
  return recorder(new Map(), (chain) => int(stored.get(chain)!.n))
}

/** The same where lengths are read beforehand. */
export function linkRecorderOnPostgres(): Recorder {
  const lengths = new Map<string, number>()
  return {
    ...recorder(lengths, (chain) => lengths.get(chain)!),
    async prepare(entries, read) {
      for (const { chain } of entries as Link[]) {
        if (lengths.has(chain)) continue
        const sql = "select count(*) as n from settings where name like $1 || '/%'"
        const [row] = await read<{ n: unknown }>(sql, [chain])
        lengths.set(chain, int(row!.n))
      }
    },
  }
}

function recorder(lengths: Map<string, number>, stored: (chain: string) => number): Recorder {
  return {
    record(entry) {
      const { chain, name, breaks } = entry as Link
      const number = (lengths.get(chain) ?? stored(chain)) + 1
      lengths.set(chain, number)
      if (breaks) throw new Error('the recorder breaks')
      return { rows: [insertLink([`${chain}/${number}`, name])], recorded: number }
    },
    forget: () => lengths.clear(),
  }
}
