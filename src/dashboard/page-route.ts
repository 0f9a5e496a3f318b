/** A page is data: where it is, and what it does with a visit. */
import type { Visit } from './visit.js'

export type PageRoute<Deps> = {
  method: 'GET' | 'POST'
  /** Its groups are what the page is about. */
  path: RegExp
  run(deps: Deps, visit: Visit, about: readonly string[]): Promise<void>
}

/** What a form says; browsers end its lines with two characters, whatever they were. */
export function fieldIn(fields: URLSearchParams, name: string): string {
  return (fields.get(name) ?? '').replaceAll('\r\n', '\n')
}
