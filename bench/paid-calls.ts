/**
 * What a paid call costs in time: the same echo asked directly, through the plainest proxy, bought
 * through each face of Souk in each of its homes, for one buyer and for a thousand, and, where
 * `PEERS` names their scripts, through other gateways. All in one run and in turns, so that whatever
 * else the machine does meets them alike.
 */
import { startBaselines } from './baselines.js'
import { type Contender, DIRECT, labelOf } from './contender.js'
import { type Homes, openHomes } from './homes.js'
import { inTurns } from './in-turns.js'
import { startMeasuring } from './measure.js'
import { startPeers } from './peers.js'
import { faultsIn, ratios, tables } from './report.js'
import type { Settings } from './settings.js'
import { type Souk, startSouk, WAYS_TO_BUY } from './souk.js'

/** @returns the tables, and what was not as it should be. */
export async function benchPaidCalls(
  settings: Settings,
): Promise<{ tables: string; faults: string[] }> {
  const isWanted = (name: string) =>
    name === DIRECT || settings.only.length === 0 || settings.only.includes(name)
  const baselines = await startBaselines()
  const { opened: souks, close } = await startSouks(settings, baselines.upstream, isWanted)
  const peers = settings.peers
    ? await startPeers(settings.peers, baselines.upstream, isWanted)
    : { contenders: [], missing: [] }
  const contenders = [
    ...baselines.contenders.filter(({ name }) => isWanted(name)),
    ...souks.flatMap((souk) => souk.contenders),
    ...peers.contenders,
  ]
  refuseUnknown(settings.only, contenders)

  const all = await inTurns(settings, contenders, startMeasuring())
  const verdicts: string[] = []
  for (const souk of souks) {
    const own = new Set(souk.contenders.map(labelOf))
    const bought = all.filter(({ contender }) => own.has(contender))
    verdicts.push(await souk.audit(bought.reduce((sum, { calls }) => sum + calls, 0)))
    await souk.end()
  }
  await close()

  const cells = all.filter(({ round }) => round > 0)
  return {
    tables: [
      tables(cells),
      `Rounds: ${settings.rounds}, in turns, ${settings.seconds} s a cell. Medians over the rounds; "added" is against \`${DIRECT}\` in the same round; CPU of the processes and their children, for \`${DIRECT}\` the upstream's own; "its server" is the database, for x402-express its facilitator, for mcp-proxy and supergateway the echo that they run as a program.`,
      ratios(cells),
      ...verdicts,
      ...peers.missing.map((missing) => `Not measured: ${missing}`),
    ].join('\n\n'),
    faults: faultsIn(all),
  }
}

function startSouks(
  { homes, buyers, callers, profile }: Settings,
  upstream: string,
  isWanted: (name: string) => boolean,
): Promise<Homes<Souk>> {
  const isAnyWanted = Object.keys(WAYS_TO_BUY).some(isWanted)
  const shared = { upstream, callers: Math.max(...callers), profile, buyers, isWanted }
  return openHomes(isAnyWanted ? homes : [], (home, postgres) =>
    startSouk({ home, postgres, ...shared }),
  )
}

function refuseUnknown(only: string[], contenders: Contender[]): void {
  for (const name of only) {
    if (contenders.some((contender) => contender.name === name)) continue
    throw new Error(`ONLY: ${name} is not there. Other gateways need PEERS, and to start.`)
  }
}
