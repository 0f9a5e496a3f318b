/**
 * One gateway at a time on one data folder: a second one would take the first one's open calls for
 * those of a dead predecessor. The lock is SQLite's own on a file beside, so that the system frees
 * it when the process dies, however it dies.
 */
import { join } from 'node:path'
import { openLock } from '#store'
import { ConfigFault } from './config.js'

/**
 * @returns the function that frees it.
 * @throws ConfigFault when another process has it.
 */
export function lockFolder(folder: string): () => void {
  const unlock = openLock(join(folder, 'gateway.lock'))
  if (unlock) return unlock
  throw new ConfigFault([`SOUK_DATA_DIR: another gateway is running on ${folder}`])
}
