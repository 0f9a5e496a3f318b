/**
 * An engine with edits: the source is copied into a folder of its own, edited there, and opened from
 * there. The engine itself has no settings for what is never set.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { embeddedSearch, Search } from '#search'
import type { Ablation, Edit } from './discovery-ablations.js'
import { UsageFault } from './discovery-rows.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** An ablation whose source lies edited in `folder`. */
export type Ablated = { name: string; folder: string; changesIndex: boolean }

/**
 * Copies the source as it is now, once for each ablation, and edits the copies.
 *
 * @throws UsageFault where the text of an edit does not stand in the source, or stands there twice.
 */
export function prepareAblations(ablations: readonly Ablation[], folder: string): Ablated[] {
  const texts = ablations.map(({ edits }) => editedTexts(edits, readSource))
  return ablations.map(({ name, changesIndex = false }, at) => {
    const copy = join(folder, String(at))
    mkdirSync(copy, { recursive: true })
    for (const given of ['src', 'package.json']) {
      cpSync(join(ROOT, given), join(copy, given), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (const [file, text] of texts[at]!) writeFileSync(join(copy, file), text)
    return { name, folder: copy, changesIndex }
  })
}

/** The search of the edited source; its thread comes from there, too. */
export async function openAblated({ folder }: Ablated, file: string): Promise<Search> {
  const { href } = pathToFileURL(join(folder, 'src/search/search.ts'))
  const edited = (await import(href)) as { embeddedSearch: typeof embeddedSearch }
  return edited.embeddedSearch(file)
}

/** The files that the edits change, each as it is afterwards. @throws UsageFault */
export function editedTexts(
  edits: readonly Edit[],
  read: (file: string) => string,
): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { file, find, put } of edits) {
    const parts = (texts.get(file) ?? read(file)).split(find)
    if (parts.length !== 2) {
      throw new UsageFault(`${file} has ${parts.length - 1} times, not once: ${find}`)
    }
    texts.set(file, parts.join(put))
  }
  return texts
}

/** A file of the project, by its path in it. */
export function readSource(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}
