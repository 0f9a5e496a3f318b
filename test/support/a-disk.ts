/** A disk that is full for one process: none of its files takes another byte. Linux only. */
import { execFileSync, spawnSync } from 'node:child_process'

/** Whether this machine has the tool for it. */
export const canFillDisks = spawnSync('prlimit', ['--version']).status === 0

/** Makes every write of a process to a file fail; pipes and sockets go on. */
export function fillDisk(pid: number): void {
  limitFiles(pid, '0')
}

export function makeRoom(pid: number): void {
  limitFiles(pid, 'unlimited')
}

/** The soft limit alone: its own user may lift that again. */
function limitFiles(pid: number, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])
}
