/**
 * Keeps the index and its file. The file is written behind: what it lacks after a crash, the
 * catalogue puts again, since the file holds the revision that it stands for.
 */
import { setImmediate as othersMayWork } from 'node:timers/promises'
import { compacted, isWasteful } from './compact.js'
import { createLessons } from './lessons.js'
import { createRanking } from './ranking.js'
import type { Standing } from './search.js'
import { loadIndex, storeIndex } from './stored-index.js'
import type { IndexWork } from './thread-messages.js'
import { openIndex } from './word-index.js'

/** The index is stored after this share of it has changed, so that a crash costs little. */
const UNSAVED_SHARE = 0.2
const MIN_UNSAVED = 2_000
/** A pause of the writing in which the index is stored, too. */
const IDLE_MS = 60_000

/**
 * The index of `file`, or an empty one where there is none that can be used. Without a file it lives
 * in memory only.
 *
 * @param report is told why the file could not be written; the index goes on, and tries again.
 */
export async function keepIndex(
  file: string | undefined,
  report: (error: unknown) => void = () => {},
): Promise<IndexWork> {
  const standings = new Map<string, Standing>()
  const lessons = createLessons()
  const stored = file === undefined ? undefined : await loadIndex(file)
  let index = openIndex(standings, stored)
  // The first search would have to wait for it.
  index.refresh()
  let revision = stored?.revision
  let rank = createRanking(index, lessons)
  let unsaved = 0
  let idle: NodeJS.Timeout | undefined
  let last: Promise<void> = Promise.resolve()
  let writing: Promise<void> = Promise.resolve()

  return {
    put: (documents) => write(documents.length, () => documents.forEach(index.put)),
    remove: (ids) => write(ids.length, () => ids.forEach(index.remove)),
    putStanding: (given) => write(0, () => given.forEach(index.documents.putStanding)),
    putLessons: (given) => write(0, () => given.forEach(lessons.put)),
    setRevision: (given) =>
      write(1, () => {
        revision = given
      }),
    clear: () =>
      write(MIN_UNSAVED, () => {
        standings.clear()
        lessons.clear()
        revision = undefined
        index = openIndex(standings)
        rank = createRanking(index, lessons)
      }),
    find: async (question) => rank(question),
    categories: async (only) => index.documents.categories(only),
    revision: async () => revision,
    async close() {
      await last
      clearTimeout(idle)
      if (unsaved > 0) await save()
      await writing
    },
  }

  /** Runs `work` after all writing before it. */
  function write(changes: number, work: () => void): Promise<void> {
    const done = last.then(work)
    last = done.catch(() => {}).then(() => saveIfDue(changes))
    return done
  }

  async function saveIfDue(changes: number): Promise<void> {
    unsaved += changes
    clearTimeout(idle)
    if (unsaved >= Math.max(MIN_UNSAVED, UNSAVED_SHARE * index.documents.size())) return save()
    if (unsaved > 0 && file !== undefined) idle = setTimeout(saveWhileIdle, IDLE_MS).unref()
  }

  function saveWhileIdle(): void {
    last = last.then(save)
  }

  /** Folds the index, goes on with what it gave, and stores that meanwhile. */
  async function save(): Promise<void> {
    const folded = await inSteps(index.fold())
    const hasWaste = isWasteful(folded)
    const stored = hasWaste ? await inSteps(compacted(folded)) : folded
    unsaved = 0
    index = openIndex(standings, stored, hasWaste ? undefined : index)
    rank = createRanking(index, lessons)
    if (file === undefined) return
    await writing
    writing = storeIndex(file, { revision, ...stored }).catch((error) => {
      // Where it could not be stored, a restart puts it again.
      unsaved += MIN_UNSAVED
      report(error)
    })
  }
}

/** Others may work between the steps. */
async function inSteps<T>(work: Generator<void, T>): Promise<T> {
  let step = work.next()
  while (!step.done) {
    await othersMayWork()
    step = work.next()
  }
  return step.value
}
