/** Starts scripted stdio servers, says `ready` and ends as its first argument says. */
import { fileURLToPath } from 'node:url'
import { createConnections } from '#connections'
import { systemClock } from '#core/clock'
import { createUpstreams } from '#upstreams'

const [ending, ...modes] = process.argv.slice(2)
const script = fileURLToPath(new URL('./a-stdio-server.mjs', import.meta.url))
const clock = systemClock
const userAgent = 'Souk/1 (test)'
const upstreams = createUpstreams({
  allow: [],
  timeoutMs: 5000,
  maxBodyBytes: 1024,
  userAgent,
  clock,
})
const connections = createConnections({
  upstreams,
  clock,
  userAgent,
  stdio: 'on',
  maxBodyBytes: 1024 * 1024,
  report() {},
})
for (const id of ['one', 'two', 'three']) {
  await connections.listTools({
    id,
    name: id,
    transport: 'stdio',
    command: process.execPath,
    args: [script, ...modes],
  })
}
process.stdout.write('ready\n')
if (ending === 'exit') process.exit(1)
setInterval(() => {}, 1000)
