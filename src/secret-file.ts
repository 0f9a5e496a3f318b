/** Secrets in files of the data folder, readable by their owner only. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'

export function readOrMakeSecret(file: string, make: () => string): string {
  if (!existsSync(file)) writeSecret(file, make())
  return readFileSync(file, 'utf8').trim()
}

/** What `file` holds, `undefined` where there is none. */
export function readSecret(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

export function writeSecret(file: string, text: string): void {
  writeFileSync(file, `${text}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
}
