/** Counts what an import does, and names the first of each kind. */
import type { Planned } from './import-store.js'
import { type Imported, MAX_NAMED, type Note } from './import-wire.js'

export type Tally = {
  add(planned: readonly Planned[]): void
  retire(slugs: readonly string[]): void
  refuse(note: Note): void
  warn(note: Note): void
  readonly refusals: number
  show(): Imported
}

export function createTally(notes: { refused: readonly Note[]; warnings: readonly Note[] }): Tally {
  const slugs = { created: [], changed: [], restored: [], retired: [] } as Record<string, string[]>
  const counts = { created: 0, changed: 0, restored: 0, unchanged: 0, retired: 0 }
  const refused = [...notes.refused]
  const warnings = [...notes.warnings]
  const name = (kind: keyof typeof counts, slug: string) => {
    counts[kind]++
    if (counts[kind] <= MAX_NAMED) slugs[kind]?.push(slug)
  }
  return {
    add: (planned) => {
      for (const { change, slug } of planned) name(change, slug)
    },
    retire: (retired) => {
      for (const slug of retired) name('retired', slug)
    },
    refuse: (note) => refused.push(note),
    warn: (note) => warnings.unshift(note),
    get refusals() {
      return refused.length
    },
    show: () => ({
      ...(slugs as Pick<Imported, 'created' | 'changed' | 'restored' | 'retired'>),
      refused: refused.slice(0, MAX_NAMED),
      warnings: warnings.slice(0, MAX_NAMED),
      counts: { ...counts, refused: refused.length },
    }),
  }
}
