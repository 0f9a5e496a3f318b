/** The upstream asked directly, and through the plainest proxy. */
import { type Contender, DIRECT } from './contender.js'
import type { Target } from './load.js'
import { forkFile, messageOf } from './processes.js'

export type Baselines = { upstream: string; contenders: Contender[] }

export async function startBaselines(): Promise<Baselines> {
  const upstream = forkFile('./upstream.ts')
  const upstreamUrl = await messageOf<string>(upstream)
  const proxy = forkFile('./express-proxy.ts', { UPSTREAM: upstreamUrl })
  const proxyUrl = await messageOf<string>(proxy)
  return {
    upstream: upstreamUrl,
    contenders: [
      { name: DIRECT, pids: [upstream.pid!], target: echo(`${upstreamUrl}/rest/echo`) },
      { name: 'express-proxy', pids: [proxy.pid!], target: echo(`${proxyUrl}/echo`) },
    ],
  }
}

function echo(url: string): Target {
  return {
    urls: [url],
    headers: [{ 'content-type': 'application/json' }],
    body: JSON.stringify({ text: 'hello-{n}.' }),
    expected: ['"text":"echo:hello-{n}."'],
  }
}
