/**
 * What each choice of the ranking adds: the engine with one thing changed, asked the same queries
 * over the same stored catalogue. The engine has no settings for that: an ablation is a list of
 * edits of its source, made in a copy.
 */
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { embeddedSearch, Search } from '#search'
import { UsageFault } from './discovery-rows.js'
import type { Signals } from './discovery-signals.js'

/** `find` stands once in `file` and becomes `put`. */
export type Edit = { file: string; find: string; put: string }

export type Ablation = {
  name: string
  edits: readonly Edit[]
  /** Whether it changes what is stored, so that the catalogue has to be indexed again. */
  changesIndex?: true
}

/** An ablation as a copy of the source in a folder of its own. */
export type Prepared = Pick<Ablation, 'name' | 'changesIndex'> & { folder: string }

