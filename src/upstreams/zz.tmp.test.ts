import { createServer } from 'node:http'
import { test, expect } from 'vitest'
import { systemClock } from '#core/clock'
import { createUpstreams, shapeRequest } from './upstreams.js'
import { AddressInfo } from 'node:net'
test('x', async () => {
  const server = createServer((req, res) => { res.setHeader('content-type','application/json'); res.end(JSON.stringify({url: req.url, headers: req.headers})) })
  await new Promise<void>(r => server.listen(0,'127.0.0.1',() => r()))
  const port = (server.address() as AddressInfo).port
  const u = createUpstreams({allow:[`127.0.0.1:${port}`], timeoutMs: 5000, maxBodyBytes: 1e6, userAgent:'Souk', clock: systemClock})
  const target = {baseUrl:`http://127.0.0.1:${port}/v1`, method:'GET' as const, path:'/a/{b}', inputSchema:{properties:{b:{},q:{}}}}
  const cred = {type:'bearer' as const, token:'abcdefghij1234567890'}
  const a = await u.send(shapeRequest(target,{b:'x/y',q:"it's"}), cred, {callId:'call_1'})
  console.log(a, (a as any).body?.toString())
  for (const c of [1, 32]) for (let k=0;k<3;k++) {
  const N=6000; const t=process.cpuUsage(); const t0=performance.now()
  let i=0
  await Promise.all(Array.from({length:c}, async()=>{ while(i++<N) await u.send(shapeRequest(target,{b:'x/y',q:"it's"}), cred, {callId:'call_1'}) }))
  const el=performance.now()-t0; const c1=process.cpuUsage(t)
  console.log(c, (el/N*1000).toFixed(1),'us wall', ((c1.user+c1.system)/N).toFixed(1),'us cpu (incl server)')
  }
  const t1=performance.now(); for(let i=0;i<50000;i++) shapeRequest(target,{b:'x/y',q:"it's"}); console.log('shape', (performance.now()-t1)/50000*1000,'us')
  await u.close(); server.close()
})
