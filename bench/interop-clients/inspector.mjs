import { headers, outputOf, task, tell } from './task.mjs'

const server = [
  ...['--cli', '--server-url', task.url, '--transport', task.transport],
  ...['--header', `Authorization: ${headers.Authorization}`],
  ...['--protocol-era', task.mode, '--format', 'json', '-q'],
]
const inspector = (...args) => {
  const file = '@modelcontextprotocol/inspector/clients/launcher/build/index.js'
  return JSON.parse(outputOf(file, [...server, ...args])).result
}

const { tools } = inspector('--method', 'tools/list')
const answers = task.calls.map((call) => {
  const args = JSON.stringify(call.arguments)
  return inspector('--method', 'tools/call', '--tool-name', call.name, '--tool-args-json', args)
})
tell(
  tools.map(({ name }) => name),
  answers,
)
