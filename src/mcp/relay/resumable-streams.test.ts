import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventLogs } from './event-log.js'
import {
  createResumableStreams,
  type PostStream,
  type ResumableStreams,
} from './resumable-streams.js'

let streams: ResumableStreams
let posted: (stream: PostStream, res: ServerResponse) => void
let url: string
const server = createServer((req, res) => {
  const last = req.headers['last-event-id']
  try {
    if (typeof last === 'string') streams.resume(res, last)
    else if (req.method === 'GET') streams.listen(res)
    else posted(streams.post(req, res, { isBatch: false, primes: true }), res)
  } catch {
    res.writeHead(400).end()
  }
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())

const accept = 'application/json, text/event-stream'
const post = (headers: Record<string, string> = { accept }) =>
  fetch(url, { method: 'POST', headers })
const dataIn = (text: string) => [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => data)

/** The events of a stream until it ends, or the first few. */
async function read(response: Response, count = Number.POSITIVE_INFINITY): Promise<string> {
  let text = ''
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString()
    if (dataIn(text).length >= count) break
  }
  return text
}

test('an answer that is there at once is JSON, and none is 202', async () => {
  streams = createResumableStreams(createEventLogs()())
  posted = (stream) => {
    stream.answer('{"a":1}')
    stream.end()
  }
  const answered = await post()
  expect([answered.headers.get('content-type'), await answered.text()]).toEqual([
    'application/json',
    '{"a":1}',
  ])
  posted = (stream) => stream.end()
  expect((await post()).status).toBe(202)
})

test('what is said before makes it a stream, which starts with a place to come back to', async () => {
  streams = createResumableStreams(createEventLogs()())
  posted = (stream) => {
    stream.say('"first"')
    stream.answer('"last"')
    stream.end()
  }
  const text = await read(await post())
  expect(text).toMatch(/^id: \d+-\d+\nretry: \d+\ndata: \n\n/)
  expect(dataIn(text)).toEqual(['"first"', '"last"'])
})

test('a client that takes no stream gets the answer alone', async () => {
  streams = createResumableStreams(createEventLogs()())
  posted = (stream) => {
    stream.say('"first"')
    stream.answer('"last"')
    stream.end()
  }
  expect(await (await post({ accept: 'application/json' })).text()).toBe('"last"')
})

test('whoever comes back gets exactly what was missed, of that stream alone', async () => {
  streams = createResumableStreams(createEventLogs()())
  let stream: PostStream
  posted = (each) => {
    stream = each
    stream.say('1')
  }
  const first = await read(await post(), 1)
  const [, id] = /id: (\S+)\nevent/.exec(first)!
  stream!.say('2')
  posted = (other) => {
    other.say('"other"')
    other.answer('"done"')
    other.end()
  }
  await read(await post())
  stream!.answer('3')
  stream!.end()
  const resumed = await fetch(url, { headers: { 'last-event-id': id! } })
  expect(dataIn(await read(resumed))).toEqual(['2', '3'])
})

test('what was forgotten is refused rather than left out', async () => {
  streams = createResumableStreams(createEventLogs()())
  posted = (stream) => {
    for (let i = 0; i < 1_500; i++) stream.say(String(i))
    stream.end()
  }
  const [, first] = /id: (\S+)\nevent/.exec(await read(await post()))!
  const resumed = await fetch(url, { headers: { 'last-event-id': first! } })
  expect(resumed.status).toBe(400)
  expect((await fetch(url, { headers: { 'last-event-id': '7-1' } })).status).toBe(400)
})

test('what belongs to no request waits for a listener, and is said once', async () => {
  streams = createResumableStreams(createEventLogs()())
  streams.say('1')
  const listening = await fetch(url)
  streams.say('2')
  expect(dataIn(await read(listening, 2))).toEqual(['1', '2'])
  const again = await fetch(url)
  streams.say('3')
  expect(dataIn(await read(again, 1))).toEqual(['3'])
})
