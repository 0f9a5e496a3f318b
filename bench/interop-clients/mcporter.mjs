import { writeFileSync } from 'node:fs'
import { headers, outputOf, task, tell } from './task.mjs'

const config = `${task.answerFile}.mcporter.json`
writeFileSync(config, JSON.stringify({ mcpServers: { gateway: { url: task.url, headers } } }))
const mcporter = (...args) =>
  JSON.parse(outputOf('mcporter/dist/cli.js', ['--config', config, ...args]))

const { tools } = mcporter('list', 'gateway', '--json')
const answers = task.calls.map((call) => {
  const args = JSON.stringify(call.arguments)
  return mcporter('call', `gateway.${call.name}`, '--args', args, '--output', 'json')
})
tell(
  tools.map(({ name }) => name),
  answers,
)
