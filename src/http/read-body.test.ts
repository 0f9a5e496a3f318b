import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { Problem } from '#core/problem'
import { readBody } from './read-body.js'

const MIB = 1024 * 1024
/** All bodies together may take this much while they come in. */
const ROOM_BYTES = 128 * MIB
const MANY = 160
/** For a machine that has other things to do. */
const SOON = { timeout: 20_000 }

let server: Server
let url: string
let refused: string[]
beforeAll(async () => {
  server = createServer(async (req, res) => {
    try {
      res.end(String((await readBody(req)).length))
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      refused.push(error.code)
      res.writeHead(error.status, { 'retry-after': String(error.retryAfterMs) }).end(error.code)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  refused = []
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** A request of a whole MiB, of which all but the last byte is sent. */
function anUnfinished() {
  const sent = request(url, { method: 'POST', headers: { 'content-length': String(MIB) } })
  sent.on('error', () => {})
  const answer = once(sent, 'response').then(async ([response]: IncomingMessage[]) => {
    const parts: Buffer[] = []
    for await (const part of response!) parts.push(part as Buffer)
    const { statusCode, headers } = response!
    return { status: statusCode, headers, text: Buffer.concat(parts).toString() }
  })
  answer.catch(() => {})
  sent.write(Buffer.alloc(MIB - 1))
  return { answer, finish: () => sent.end('x'), leave: () => sent.destroy() }
}

async function aWholeOne(): Promise<string> {
  const whole = anUnfinished()
  whole.finish()
  return (await whole.answer).text
}

test('bodies that come in together take no more than their room; the rest is told to come back', async () => {
  const many = Array.from({ length: MANY }, anUnfinished)
  await expect.poll(() => refused.length, SOON).toBeGreaterThanOrEqual(MANY - ROOM_BYTES / MIB)
  for (const { finish } of many) finish()
  const answers = await Promise.all(many.map(({ answer }) => answer))
  const busy = answers.filter(({ status }) => status === 503)
  expect(busy).toHaveLength(refused.length)
  expect(busy.length).toBeLessThan(MANY)
  for (const { text, headers } of busy) {
    expect(text).toBe('busy')
    expect(headers['retry-after']).toBe('1000')
  }
  const read = answers.filter(({ status }) => status === 200)
  expect(new Set(read.map(({ text }) => text))).toEqual(new Set([`${MIB}`]))
})

test('what clients left unfinished takes no room once they are gone', async () => {
  const gone = Array.from({ length: MANY }, anUnfinished)
  await expect.poll(() => refused.includes('busy'), SOON).toBe(true)
  for (const { leave } of gone) leave()
  const unfinished = () => refused.filter((code) => code === 'invalid_request').length
  const busy = () => refused.length - unfinished()
  await expect.poll(() => busy() + unfinished(), SOON).toBe(MANY)
  for (let i = 0; i < 3; i++) expect(await aWholeOne()).toBe(`${MIB}`)
})
