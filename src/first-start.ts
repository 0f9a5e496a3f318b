/**
 * What a gateway has before anybody calls it: the operator, the shipped catalogue and, in the
 * sandbox, a seller that really sells and a buyer with credit.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Accounts, newSecret } from '#accounts'
import { lockServer } from '#store'
import { openSandbox, type Sandbox } from '../seeds/sandbox.js'
import type { Gateway } from './compose.js'
import { readSecret, writeSecret } from './secret-file.js'
import { readShared, share, stopSharing } from './shared-secret.js'

const SECOND_MS = 1_000
/** Names the lock under which one gateway at a time finds or makes what all need. */
const FIRST_START_LOCK = 8_403
/** In place of a key that gateways without the setting must not know: it opens nothing. */
const CONFIGURED = 'configured'

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
  const { catalogue } = gateway.deps
  const { operatorKey, sandbox } = await oneByOne(gateway.config.databaseUrl, say, async () => {
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
function oneByOne<T>(
  url: string | undefined,
  say: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  if (url === undefined) return work()
  const slow = setTimeout(() => say('Waiting for another gateway that is starting.'), SECOND_MS)
  return lockServer(url, FIRST_START_LOCK, () => {
    clearTimeout(slow)
    return work()
  }).finally(() => clearTimeout(slow))
}

/** @returns the key only when this gateway's folder did not hold it yet. */
async function ensureOperator({ config, deps, isSole }: Gateway) {
  const { accounts } = deps
  const file = join(config.dataDir, 'operator.key')
  const existing = await accounts.bySlug('operator')
  const { id: operatorId } =
    existing ??
    (await accounts.create({ name: 'Souk', slug: 'operator', kind: 'operator' })).account
  if (config.operatorKey !== undefined) {
    await accounts.fixSecret(operatorId, config.operatorKey)
    // Where gateways share the database, those without the setting must leave the key alone.
    await (isSole ? stopSharing(deps, 'operator_key') : share(deps, 'operator_key', CONFIGURED))
    rmSync(file, { force: true })
    return { operatorId, operatorKey: undefined }
  }
  const kept = readSecret(file)
  const known = (await readShared(deps, 'operator_key')) ?? (existing && kept)
  if (known !== undefined && !(await opens(accounts, known))) {
    // It was rotated, or is configured elsewhere: the operator has it, and nobody else.
    rmSync(file, { force: true })
    return { operatorId, operatorKey: undefined }
  }
  // None is known on the first start, or when one was configured and no longer is.
  const key = known ?? newSecret(config.sandbox ? 'test' : 'live')
  if (known === undefined) await accounts.fixSecret(operatorId, key)
  await share(deps, 'operator_key', key)
  writeSecret(file, key)
  return { operatorId, operatorKey: key === kept ? undefined : key }
}

function opens(accounts: Accounts, key: string): Promise<boolean> {
  return accounts.authenticate(key).then(
    () => true,
    () => false,
  )
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
