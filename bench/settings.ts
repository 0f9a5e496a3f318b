/** What `npm run bench` takes from the environment. */

export type Settings = {
  rounds: number
  /** How long one cell is loaded. */
  seconds: number
  /** How many callers are at work at once, one table each. */
  callers: number[]
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
  return {
    rounds: positive('ROUNDS', environment.ROUNDS ?? '3', 100),
    seconds: positive('SECONDS', environment.SECONDS ?? '3', 600),
    callers: listIn(environment.CALLERS ?? '1,32').map((text) => positive('CALLERS', text, 1000)),
    only: listIn(environment.ONLY ?? ''),
    out: environment.OUT || undefined,
    peers: environment.PEERS || undefined,
    profile: environment.PROFILE || undefined,
  }
}

function positive(name: string, text: string, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new Error(`${name} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`)
}

function listIn(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}
