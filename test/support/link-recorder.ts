/** A recorder for tests: it adds links to chains, each numbered after the one before it. */
import type { Recorder } from '#ledger'
import { defineWrite, int, type SqliteConnection } from '#store'

/** A link to be recorded; one that `breaks` makes the recorder throw. */
export type Link = { chain: string; name: string; breaks?: true }

const insertLink = defineWrite({ sql: 'insert into settings (name, value) values (?, ?)' })

/** Links are rows of `settings`: `<chain>/<number>` and the name. */
export function linkRecorder(connection: SqliteConnection): Recorder {
  const lengths = new Map<string, number>()
  const stored = connection.prepare<[string], { n: unknown }>(
    "select count(*) as n from settings where name like ? || '/%'",
  )
  return {
    record(entry) {
      const { chain, name, breaks } = entry as Link
      const number = (lengths.get(chain) ?? int(stored.get(chain)!.n)) + 1
      lengths.set(chain, number)
      if (breaks) throw new Error('the recorder breaks')
      return { rows: [insertLink([`${chain}/${number}`, name])], recorded: number }
    },
    keep: () => {},
    forget: () => lengths.clear(),
  }
}
