/** The yardstick: the plainest proxy that one would write, without keys, checks, money or receipts. */
import { createServer } from 'node:http'
import express from 'express'
import { Pool } from 'undici'
import { serve } from './small-server.js'

const upstream = new Pool(process.env.UPSTREAM!, { connections: 128 })
const app = express()

app.use(express.json())
app.post('/echo', async (req, res) => {
  const { statusCode, headers, body } = await upstream.request({
    method: 'POST',
    path: '/rest/echo',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(req.body),
  })
  const answer = Buffer.from(await body.arrayBuffer())
  res.status(statusCode).type(String(headers['content-type'])).send(answer)
})

serve(createServer(app))
