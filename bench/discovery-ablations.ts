/**
 * What each choice of the ranking adds: the engine with one thing changed, asked the same queries
 * over the same stored catalogue. An entry is `{ name, settings }`; its settings are the second
 * argument of the engine, none of them meaning the engine as it is.
 */
import { embeddedSearch, type Search } from '#search'

type Open = typeof embeddedSearch
type Settings = Parameters<Open> extends [string, (infer Given)?] ? Given : never

export type Ablation = { name: string; settings?: Settings }

export const ABLATIONS: readonly Ablation[] = [{ name: 'as it is' }]

export function openAblated(file: string, { settings }: Ablation): Search {
  const open = embeddedSearch as (file: string, settings?: Settings) => Search
  return settings === undefined ? open(file) : open(file, settings)
}
