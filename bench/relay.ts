/**
 * What it costs to relay a tool of an MCP server: the same echo called directly, through a gateway of
 * Souk, metered at price 0 and at a price, and, where `PEERS` names their scripts, through other
 * gateways. All in one run and in turns, so that whatever else the machine does meets them alike.
 */
import { type Contender, DIRECT, labelOf } from './contender.js'
import { openHomes } from './homes.js'
import { inTurns } from './in-turns.js'
import { openSession, toolTarget } from './mcp-session.js'
import { startMeasuring } from './measure.js'
import { startPeers } from './peers.js'
import { forkFile, messageOf } from './processes.js'
import { comparison } from './relay-report.js'
import { RELAYS, type RelayingSouk, startRelayingSouk } from './relay-souk.js'
import { faultsIn, tables } from './report.js'
import type { Settings } from './settings.js'

/** A paid REST call relays nothing. */
const NO_RELAY = 'x402-express'

/** @returns the tables, and what was not as it should be. */
export async function benchRelay(
  settings: Settings,
): Promise<{ tables: string; faults: string[] }> {
  const isWanted = (name: string) => settings.only.length === 0 || settings.only.includes(name)
  const { direct, upstream } = await startDirect()
  const homes = RELAYS.some(isWanted) ? settings.homes : []
  const { opened: souks, close } = await openHomes(homes, (home, postgres) =>
    startRelayingSouk({
      ...{ home, postgres, upstream, profile: settings.profile, isWanted },
      callers: Math.max(...settings.callers),
    }),
  )
  const peers = settings.peers
    ? await startPeers(settings.peers, upstream, (name) => name !== NO_RELAY && isWanted(name))
    : { contenders: [], missing: [] }
  const bought = souks.flatMap(({ contenders }) => contenders)

  const all = await inTurns(settings, [direct, ...bought, ...peers.contenders], startMeasuring())
  const verdicts: string[] = []
  for (const souk of souks) verdicts.push(await audited(souk, all))
  await close()

  const cells = all.filter(({ round }) => round > 0)
  return {
    tables: [
      tables(cells),
      `Rounds: ${settings.rounds}, in turns, ${settings.seconds} s a cell. Medians over the rounds; "added" is against \`${DIRECT}\` in the same round; CPU of the processes and their children, for \`${DIRECT}\` the upstream's own; "its server" is the database, for mcp-proxy and supergateway the echo that they run as a program.`,
      comparison(cells),
      ...verdicts,
      ...peers.missing.map((missing) => `Not measured: ${missing}`),
    ].join('\n\n'),
    faults: faultsIn(all),
  }
}

/** The echo, as cheap as an MCP server can be. */
async function startDirect(): Promise<{ direct: Contender; upstream: string }> {
  const process = forkFile('./upstream.ts')
  const upstream = await messageOf<string>(process)
  const url = `${upstream}/mcp`
  const params = { name: 'echo', arguments: { text: 'hello-{n}.' } }
  const target = toolTarget([url], [await openSession(url)], params, ['"text":"echo:hello-{n}."'])
  return { direct: { name: DIRECT, pids: [process.pid!], target }, upstream }
}

async function audited(
  souk: RelayingSouk,
  cells: readonly { contender: string; calls: number }[],
): Promise<string> {
  const callsOf = (contender: Contender) =>
    cells
      .filter((cell) => cell.contender === labelOf(contender))
      .reduce((sum, { calls }) => sum + calls, 0)
  const verdict = await souk.audit(callsOf)
  await souk.end()
  return verdict
}
