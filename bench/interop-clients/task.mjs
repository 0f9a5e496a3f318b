/**
 * What a client program is asked to do, and how it says what came of it. These files are copied
 * beside the packages that they use, so they are plain JavaScript and import nothing of the project.
 */
import { spawnSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'

/** `{url, transport: 'http' | 'sse' | 'ws', key, mode?, calls: [{name, arguments}], answerFile}` */
export const task = JSON.parse(process.env.INTEROP_TASK)
export const url = new URL(task.url)
export const headers = { Authorization: `Bearer ${task.key}` }

/** Tells the names of the tools and the answers, in the order of the calls; whoever asked ends us. */
export function tell(tools, answers) {
  const answer = { tools, answers: answers.map((each) => JSON.stringify(each)) }
  writeFileSync(`${task.answerFile}.part`, JSON.stringify(answer))
  renameSync(`${task.answerFile}.part`, task.answerFile)
  setInterval(() => {}, 60_000)
}

/** Uses anything with the methods of the official client. */
export async function useOfficial(client) {
  const { tools } = await client.listTools()
  const answers = []
  for (const call of task.calls) answers.push(await client.callTool(call))
  await client.close()
  tell(
    tools.map(({ name }) => name),
    answers,
  )
}

/** The standard output of a program of a package, run by the Node that runs this. */
export function outputOf(file, args) {
  const path = new URL(`../node_modules/${file}`, import.meta.url).pathname
  const ended = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', input: '' })
  if (ended.status === 0) return ended.stdout
  throw new Error(`It ended with code ${ended.status}: ${ended.stderr || ended.stdout}`)
}
