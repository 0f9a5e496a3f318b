import { Writable } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '#core/clock'
import { isId } from '#core/ids'
import { createTelemetry, type LogLevel, type Telemetry } from './telemetry.js'

let written: string
let telemetry: Telemetry

function aTelemetry(level: LogLevel): Telemetry {
  written = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      written += chunk
      done()
    },
  })
  return createTelemetry({
    level,
    version: '1.2.3',
    clock: handClock(),
    observed: {
      callsInFlight: () => 3,
      ledgerWaiting: () => 2,
      openHolds: async () => 1,
      openFlags: async () => 2,
      mcpServers: () => [{ server: 'weather', isUp: true }],
    },
    destination,
  })
}

beforeEach(() => {
  telemetry = aTelemetry('info')
})

const ended = {
  callId: 'call_01',
  endpointId: 'wiki.search',
  outcome: 'charged',
  status: 200,
  code: undefined,
  upstreamMs: 12.4,
  ownMs: 1.26,
}

function lines(): Record<string, unknown>[] {
  return written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

describe('metrics', () => {
  /** A gateway that has seen one of everything. */
  async function afterOneOfEach(): Promise<string> {
    telemetry.callEnded(ended)
    telemetry.refused('busy', 'mcp')
    telemetry.failed(new Error('broken'))
    telemetry.flushed(8, 1.5)
    telemetry.probed({ endpointId: 'wiki.search', finding: 'up' })
    telemetry.listingPaused({ listing: 'wiki', reason: 'It timed out.' })
    telemetry.listingResumed({ listing: 'wiki' })
    return telemetry.metrics()
  }

  test('are in the text form of Prometheus: each sample belongs to a family with help and type', async () => {
    const families = new Set<string>()
    for (const line of (await afterOneOfEach()).split('\n')) {
      const family = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line)?.[1]
      if (family) families.add(family)
      if (line === '' || line.startsWith('#')) continue
      const name = /^([a-z0-9_]+)(\{[^}]*\})? \S+$/.exec(line)?.[1] ?? line
      const base = name.replace(/_(bucket|sum|count)$/, '')
      expect(families.has(name) || families.has(base), line).toBe(true)
    }
    expect(families.size).toBeGreaterThan(10)
  })

  test('are named as Prometheus advises: one prefix, counters in _total, times in seconds', async () => {
    const text = await afterOneOfEach()
    const own = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].filter(
      ([, name]) => !/^souk_(process|nodejs)_/.test(name!),
    )
    for (const [, name, type] of own) {
      expect(name).toMatch(/^souk_[a-z]+(_[a-z]+)+$/)
      if (type === 'counter') expect(name).toMatch(/_total$/)
      else expect(name).not.toMatch(/_total$/)
      expect(name).not.toMatch(/_(ms|milliseconds|millis)$/)
    }
    expect(own.map(([, name]) => name).toSorted()).toEqual([
      'souk_build_info',
      'souk_call_own_seconds',
      'souk_calls_in_flight',
      'souk_calls_total',
      'souk_failures_total',
      'souk_health_moves_total',
      'souk_holds_open',
      'souk_ledger_flush_seconds',
      'souk_ledger_flush_units',
      'souk_ledger_waiting_units',
      'souk_mcp_server_up',
      'souk_probes_total',
      'souk_refusals_total',
      'souk_text_flags_open',
      'souk_upstream_seconds',
    ])
  })

  test('count what happened, and read what is observed when they are asked for', async () => {
    const text = await afterOneOfEach()
    for (const sample of [
      'souk_calls_total{outcome="charged"} 1',
      'souk_refusals_total{code="busy",face="mcp"} 1',
      'souk_failures_total 1',
      'souk_probes_total{finding="up"} 1',
      'souk_health_moves_total{move="paused"} 1',
      'souk_health_moves_total{move="resumed"} 1',
      'souk_call_own_seconds_sum 0.00126',
      'souk_upstream_seconds_count 1',
      'souk_ledger_flush_units_bucket{le="8"} 1',
      'souk_calls_in_flight 3',
      'souk_ledger_waiting_units 2',
      'souk_holds_open 1',
      'souk_text_flags_open 2',
      'souk_build_info{version="1.2.3"} 1',
    ]) {
      expect(text.split('\n')).toContain(sample)
    }
  })

  test('have no id in any label, so that they do not grow with calls, keys or endpoints', async () => {
    for (let i = 0; i < 50; i++) {
      const endpointId = `wiki-${i}.search`
      telemetry.callEnded({ ...ended, callId: `call_${i}`, endpointId })
      telemetry.probed({ endpointId, finding: 'down' })
      telemetry.listingPaused({ listing: `wiki-${i}`, reason: 'It timed out.' })
    }
    const own = (await telemetry.metrics())
      .split('\n')
      .filter((line) => !/_(nodejs|process)_/.test(line))
    const labels = own.flatMap((line) => [...line.matchAll(/[{,]([a-z_]+)="([^"]*)"/g)])
    expect(new Set(labels.map(([, name]) => name))).toEqual(
      new Set(['finding', 'le', 'move', 'outcome', 'server', 'version']),
    )
    for (const [, , value] of labels) expect(value).not.toMatch(/_0|_\d|wiki/)
  })
})

describe('a log line', () => {
  test('of a call has its id, endpoint, outcome and times', () => {
    telemetry.callEnded({ ...ended, code: 'upstream_failed', outcome: 'refunded', status: 500 })
    expect(lines()).toEqual([
      {
        level: 30,
        time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
        call_id: 'call_01',
        endpoint_id: 'wiki.search',
        outcome: 'refunded',
        status: 500,
        code: 'upstream_failed',
        upstream_ms: 12,
        own_ms: 1.3,
        msg: 'call ended',
      },
    ])
  })

  test('of a failure has the trace id that its client was told, and the cause', () => {
    const traceId = telemetry.failed(new Error('broken', { cause: new Error('worn out') }))
    expect(isId('trace', traceId)).toBe(true)
    expect(lines()).toMatchObject([
      { level: 50, trace_id: traceId, err: { message: 'broken: worn out' } },
    ])
  })

  test('names a listing that was paused for its health, and why, also at the usual level', () => {
    telemetry = aTelemetry('warn')
    telemetry.probed({ endpointId: 'wiki.search', finding: 'down' })
    telemetry.listingPaused({ listing: 'wiki', reason: 'It timed out.' })
    telemetry.listingResumed({ listing: 'wiki' })
    expect(lines()).toMatchObject([
      { level: 40, listing: 'wiki', reason: 'It timed out.' },
      { level: 40, listing: 'wiki' },
    ])
  })

  test('tells when Meilisearch fails and when it works again, also at the usual level', () => {
    telemetry = aTelemetry('warn')
    const watch = telemetry.watchMeilisearch('searching')
    watch.away(new Error('It does not answer.'))
    watch.back()
    const lines = written
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { doing: 'searching', err: { message: 'It does not answer.' } },
      { doing: 'searching' },
    ])
  })

  test('is not written below the level, while metrics count on', async () => {
    telemetry = aTelemetry('error')
    telemetry.callEnded(ended)
    expect(written).toBe('')
    expect(await telemetry.metrics()).toContain('souk_calls_total{outcome="charged"} 1')
  })

  test.each([
    'authorization',
    'Cookie',
    'api_key',
    'X-Api-Key',
    'credential',
    'secret',
    'password',
    'token',
  ])('never has the value of a field named %s, wherever it is nested', (name) => {
    const value = 'the-value-of-a-secret'
    const secret = { [name]: value, other: 1 }
    const { log } = telemetry
    log.error(secret, 'on top')
    log.error({ a: { b: { c: [secret] } } }, 'in a list')
    log.error({ [name]: { inside: { of: value } } }, 'as an object')
    log.error({ a: { toJSON: () => secret } }, 'made by toJSON')
    log.error(Object.assign(new Error('broken'), { request: { headers: secret } }))
    telemetry.failed(Object.assign(new Error('broken'), { response: { request: secret } }))
    log.error({ why: Object.assign(new Error('nested'), secret) }, 'in an error that is nested')
    expect(lines()).toHaveLength(7)
    expect(written).not.toContain(value)
    expect(lines()[1]).toMatchObject({ a: { b: { c: [{ [name]: '[redacted]', other: 1 }] } } })
  })

  test('takes what JSON cannot: circles, bytes and large integers', () => {
    const circle: Record<string, unknown> = { nanos: 10n ** 18n, bytes: Buffer.from('sealed') }
    circle.self = circle
    telemetry.log.error(circle, 'odd')
    expect(lines()[0]).toMatchObject({
      nanos: '1000000000000000000',
      bytes: '[6 bytes]',
      msg: 'odd',
    })
    expect(written).toContain('[deeper]')
  })

  test('of an error has its type, its causes and its fields', () => {
    class Odd extends Error {}
    telemetry.failed(Object.assign(new Odd('broken'), { code: 'E_ODD' }))
    expect(lines()[0]).toMatchObject({
      err: { type: 'Odd', message: 'broken', code: 'E_ODD', stack: expect.stringContaining('.ts') },
    })
  })

  test('is one line whatever is in it: control characters are escaped', () => {
    const hostile = 'one\ntwo\r\u0000\u001b[31m"\\\t\u2028end'
    telemetry.log.error({ said: hostile }, hostile)
    telemetry.failed(new Error(hostile))
    expect(written.replaceAll('\n', '')).toMatch(/^[^\u0000-\u001f]*$/)
    expect(lines()).toHaveLength(2)
    expect(lines()[0]).toMatchObject({ said: hostile, msg: hostile })
  })
})
