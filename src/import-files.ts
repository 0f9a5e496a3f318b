/** Documents of a file, a folder or a URL, one at a time, as the bodies of imports. */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Something that may be a document. */
export type Found = {
  /** What the seller calls it, and the gateway knows it by. */
  source: string
  /** The member of an import's body that holds it, as JSON text; `undefined` where it is no document. */
  read(): string | undefined
}

const NAMES = /\.(json|ya?ml)$/i
/** What every OpenAPI document says of itself, in JSON or YAML. */
const OPENAPI = /(^|[{,\s])["']?(openapi|swagger)["']?\s*:\s*["']?\d/

/**
 * @param from a file, which is taken whatever it holds, a folder, of which only what looks like
 *   OpenAPI is, or a URL, which the gateway fetches itself.
 * @throws Error of the file system when there is no such thing.
 */
export function documentsAt(from: string): Found[] {
  if (/^https?:\/\//i.test(from)) {
    return [{ source: from, read: () => `"url":${JSON.stringify(from)}` }]
  }
  if (!statSync(from).isDirectory()) {
    return [{ source: basename(from), read: () => documentMember(readFileSync(from, 'utf8')) }]
  }
  return [...filesIn(from, '')].map((source) => ({
    source,
    read: () => {
      const text = readFileSync(join(from, source), 'utf8')
      return OPENAPI.test(text) ? documentMember(text) : undefined
    },
  }))
}

/** Paths below the folder, in an order that does not change; links are not followed. */
function* filesIn(folder: string, below: string): Generator<string> {
  for (const name of readdirSync(join(folder, below)).sort()) {
    const path = below === '' ? name : `${below}/${name}`
    const entry = lstatSync(join(folder, path))
    if (entry.isDirectory() && name !== 'node_modules' && !name.startsWith('.')) {
      yield* filesIn(folder, path)
    } else if (entry.isFile() && NAMES.test(name)) yield path
  }
}

/** JSON goes as text, too: parsed it would take many times its size, and faults would have no line. */
function documentMember(text: string): string {
  return `"document":${JSON.stringify(text)}`
}
