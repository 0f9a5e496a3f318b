/**
 * What a gateway has before anybody calls it: the operator, the shipped catalogue and, in the
 * sandbox, a seller that really sells and a buyer with credit.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { newSecret } from '#accounts'
import type { Store } from '#store'
import { openSandbox, type Sandbox } from '../seeds/sandbox.js'
import type { Gateway } from './compose.js'
import { readSecret, writeSecret } from './secret-file.js'
import { readShared, share, stopSharing } from './shared-secret.js'

export type OpenedDoors = {
  /** Shown when this gateway learns it, which is on its first start. */
  operatorKey: string | undefined
  sandbox: Sandbox | undefined
  close(): Promise<void>
}

export async function openDoors(
  gateway: Gateway,
  say: (line: string) => void,
): Promise<OpenedDoors> {
  const { catalogue, store } = gateway.deps
  const { operatorKey, sandbox } = await oneByOne(store, async () => {
    const { operatorId, operatorKey } = await ensureOperator(gateway)
    await catalogue.loadShipped(operatorId, progress(say))
    return { operatorKey, sandbox: gateway.config.sandbox ? await openSandbox(gateway) : undefined }
  })
  await catalogue.follow()
  return { operatorKey, sandbox, close: async () => sandbox?.close() }
}

/**
 * Gateways that start together on one database do this one after the other, so that all but the
 * first find everything made. A gateway on SQLite has its database to itself.
 */
function oneByOne<T>(store: Store, work: () => Promise<T>): Promise<T> {
  if (store.kind === 'sqlite') return work()
  return store.inTransaction(async (tx) => {
    // The row stays locked until the transaction ends, which it also does when this gateway dies.
    // What `work` writes is not part of it.
    await tx('settings').insert({ name: 'first_start', value: '' }).onConflict('name').merge()
    return work()
  })
}

/** @returns the key only when this gateway's folder did not hold it yet. */
async function ensureOperator({ config, deps }: Gateway) {
  const { accounts } = deps
  const file = join(config.dataDir, 'operator.key')
  const existing = await accounts.bySlug('operator')
  const operator =
    existing ??
    (await accounts.create({ name: 'Souk', slug: 'operator', kind: 'operator' })).account
  if (config.operatorKey !== undefined) {
    await accounts.fixSecret(operator.id, config.operatorKey)
    // The generated key is dead now, and its absence later asks for a new one.
    await stopSharing(deps, 'operator_key')
    rmSync(file, { force: true })
    return { operatorId: operator.id, operatorKey: undefined }
  }
  const kept = readSecret(file)
  const known = (await readShared(deps, 'operator_key')) ?? (existing && kept)
  const key = known ?? newSecret(config.sandbox ? 'test' : 'live')
  // None is known on the first start, or when one was configured and no longer is.
  if (known === undefined) await accounts.fixSecret(operator.id, key)
  await share(deps, 'operator_key', key)
  writeSecret(file, key)
  return { operatorId: operator.id, operatorKey: key === kept ? undefined : key }
}

/** Speaks only while something takes longer than a second. */
function progress(say: (line: string) => void): (done: number, all: number) => void {
  let saidAt = performance.now()
  return (done, all) => {
    if (performance.now() - saidAt < 1_000) return
    saidAt = performance.now()
    say(`Loading the catalogue: ${done} of ${all} providers`)
  }
}
