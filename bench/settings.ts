/** What `npm run bench` takes from the environment. */

/** Where the state lives; `postgres-3` is three gateways that share a database. */
export const HOMES = ['sqlite', 'postgres', 'postgres-3'] as const
export type Home = (typeof HOMES)[number]

export type Settings = {
  rounds: number
  /** How long one cell is loaded. */
  seconds: number
  /** How many callers are at work at once, one table each. */
  callers: number[]
  homes: Home[]
  /** How many buyers' money the calls are paid with, in turns. */
  buyers: number[]
  /** Names of contenders; empty for all. */
  only: string[]
  /** A file that gets one JSON line for each cell. */
  out: string | undefined
  /** A folder of scripts that start other gateways. */
  peers: string | undefined
  /** A folder that gets a CPU profile of Souk. It makes Souk slower. */
  profile: string | undefined
}

/** @throws Error that names the setting. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const numbers = (name: string, fallback: string, most: number) =>
    listIn(environment[name] ?? fallback).map((text) => positive(name, text, most))
  return {
    rounds: positive('ROUNDS', environment.ROUNDS ?? '3', 100),
    seconds: positive('SECONDS', environment.SECONDS ?? '1', 600),
    callers: numbers('CALLERS', '1,32,256', 1_000),
    homes: listIn(environment.HOMES ?? HOMES.join(',')).map(homeOf),
    buyers: numbers('BUYERS', `1,${MOST_BUYERS}`, MOST_BUYERS),
    only: listIn(environment.ONLY ?? ''),
    out: environment.OUT || undefined,
    peers: environment.PEERS || undefined,
    profile: environment.PROFILE || undefined,
  }
}

export const MOST_BUYERS = 1_000

function positive(name: string, text: string, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`${name} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`)
}

function homeOf(text: string): Home {
  const home = HOMES.find((name) => name === text)
  if (home) return home
  throw new Error(`HOMES must be of ${HOMES.join(', ')}, not ${JSON.stringify(text)}`)
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
