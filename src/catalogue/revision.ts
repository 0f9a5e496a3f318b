/** What the catalogue counts, so that the gateways on one database can follow one another. */
import { randomBuffer } from '#core/random'
import { type Db, readSetting } from '#store'

/** Counts the changes of listings. */
export const CATALOGUE = 'catalogue_revision'
/** Counts the writings of standings. */
export const STANDINGS = 'standings_revision'
/** Counts the writings of what purchases said. */
export const LEARNED = 'learned_revision'
/** Counts the writings of lessons. */
export const LESSONS = 'lessons_revision'

/** The setting that names the catalogue. `souk restored` forgets it. */
export const CATALOGUE_NAME = 'catalogue_name'

/**
 * The name of this catalogue's index on a server that others may use, too. After a restore the same
 * revisions come to mean something else; so it is another catalogue then, with an index of its own.
 */
export async function catalogueName(db: Db): Promise<string> {
  const value = `souk-${randomBuffer(6).toString('hex')}`
  await db('settings').insert({ name: CATALOGUE_NAME, value }).onConflict('name').ignore()
  return (await readSetting(db, CATALOGUE_NAME))!
}
