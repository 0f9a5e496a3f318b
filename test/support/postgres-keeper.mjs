/**
 * Runs programs in a temporary folder for the process that forked it. However that process ends,
 * killed outright too, the channel between them closes; then the program is stopped, the folder
 * removed, and this process ends. Plain JavaScript, since loading TypeScript would cost half a second.
 *
 * Each request gets one answer: `run` says `{ isReady: true }` once the program has written
 * `readyText`, or `{ code, log }` when it ends before; `signal` says `{}` when the program has ended.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What is kept of a program's last words. */
const LOG_CHARACTERS = 4_000

const folder = mkdtempSync(join(tmpdir(), 'souk-postgres-'))
/** The program that runs, or the last one that did; and when it ends. */
let program
let ended

process.on('message', async ({ run, signal }) => {
  if (run) return answer(await startProgram(run))
  await stopProgram(signal)
  answer({})
})
process.once('disconnect', async () => {
  // PostgreSQL drops everything on SIGQUIT and needs no more: its data are removed anyway.
  await stopProgram('SIGQUIT')
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
})
process.on('SIGTERM', () => process.connected && process.disconnect())
answer({ folder })

/** Takes the arguments of `spawn`, with what the program writes when it is ready, if it says so. */
function startProgram({ file, args, owner, readyText }) {
  const child = spawn(file, args, { ...owner, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  program = child
  let log = ''
  return new Promise((resolve) => {
    const hear = (chunk) => {
      log = (log + chunk).slice(-LOG_CHARACTERS)
      if (readyText && log.includes(readyText)) resolve({ isReady: true })
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    ended = new Promise((over) => {
      child.once('close', over)
      child.once('error', over)
    })
    child.once('error', (error) => resolve({ code: null, log: error.message }))
    child.once('close', (code) => resolve({ code, log }))
  })
}

async function stopProgram(signal) {
  program?.kill(signal)
  await ended
}

/** A parent that is gone hears nothing, and that is no error here. */
function answer(message) {
  process.send(message, () => {})
}
