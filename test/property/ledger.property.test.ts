/**
 * On either database a batch gives what its units give one by one: the same outcomes, the same balances and counters,
 * and those of a model that is a few sums in memory.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Nanos, nanos } from '#core/money'
import type { Command, Counter, CounterKind, Ledger, UnitOutcome } from '#ledger'
import { aPostgresLedger, aSqliteLedger } from '../support/a-store.js'
import {
  AT_MS,
  aClaim,
  captureOf,
  counterOf,
  grantOf,
  holdOf,
  releaseOf,
  transferOf,
  verdictOf,
} from '../support/ledger-units.js'

const ACCOUNTS = ['ada', 'bob']
/** Whose transfers are of what it earned. */
const SELLER = 'seller'
const KINDS: CounterKind[] = ['spend', 'use', 'attempt', 'open']
const CEILINGS: Record<CounterKind, bigint> = { spend: 400n, use: 5n, attempt: 8n, open: 3n }

/** A command as it is drawn; what it means depends on the run's names. */
type Drawn =
  | { kind: 'grant'; account: string; amount: number; reference: number }
  | { kind: 'hold'; account: string; amount: number; reference: number; counters: CounterKind[] }
  | { kind: 'capture'; reference: number; share: number; fee: number }
  | { kind: 'release'; reference: number }
  | { kind: 'transfer'; from: string; to: string; amount: number; reference: number }

type Outcome = UnitOutcome | 'above the hold'

type DrawnUnit = { commands: Drawn[]; claim: number | undefined; link: 'x' | 'y' | undefined }

const account = fc.constantFrom(...ACCOUNTS)
const reference = fc.nat(7)
const amount = fc.oneof(fc.constant(0), fc.nat(30), fc.nat(300))
const aCommand: fc.Arbitrary<Drawn> = fc.oneof(
  fc.record({ kind: fc.constant('grant' as const), account, amount, reference }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      account,
      amount,
      reference,
      counters: fc.subarray(KINDS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('capture' as const),
      reference,
      share: fc.nat(100),
      fee: fc.nat(100),
    }),
  },
  fc.record({ kind: fc.constant('release' as const), reference }),
  fc.record({
    kind: fc.constant('transfer' as const),
    from: fc.constantFrom(...ACCOUNTS, SELLER),
    to: account,
    amount,
    reference,
  }),
)
const aUnit: fc.Arbitrary<DrawnUnit> = fc.record({
  commands: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(aCommand) },
    { weight: 1, arbitrary: fc.array(aCommand, { minLength: 2, maxLength: 3 }) },
  ),
  claim: fc.option(fc.nat(30), { nil: undefined, freq: 2 }),
  link: fc.option(fc.constantFrom('x' as const, 'y' as const), { nil: undefined, freq: 2 }),
})

/** Something to spend, so that most runs get somewhere. */
const OPENING: DrawnUnit[] = ACCOUNTS.map((name, i) => ({
  commands: [{ kind: 'grant', account: name, amount: 200, reference: 100 + i }],
  claim: undefined,
  link: undefined,
}))

type Opened = { ledger: Ledger; close(): Promise<void> }
type Ledgers = { together: Ledger; oneByOne: Ledger }

let runs = 0

describe.each<[string, () => Promise<Opened>]>([
  ['SQLite', aSqliteLedger],
  ['PostgreSQL', () => aPostgresLedger()],
])('on %s', (_, open) => {
  let opened: Opened[]
  beforeAll(async () => {
    opened = await Promise.all([open(), open()])
  })
  afterAll(async () => {
    await Promise.all(opened.map(({ close }) => close()))
  })

  test('random units, batched at random, do what they do one by one and what the model says', async () => {
    const [together, oneByOne] = opened.map(({ ledger }) => ledger) as [Ledger, Ledger]
    await fc.assert(
      fc.asyncProperty(
        fc.array(aUnit, { minLength: 1, maxLength: 60, size: 'max' }),
        fc.infiniteStream(fc.integer({ min: 1, max: 70 })),
        (drawn, sizes) => compare({ together, oneByOne }, [...OPENING, ...drawn], sizes),
      ),
      { numRuns: 60 },
    )
    expect((await oneByOne.audit()).findings).toEqual([])
  })
})

async function compare(
  { together, oneByOne }: Ledgers,
  units: readonly DrawnUnit[],
  sizes: fc.Stream<number>,
): Promise<void> {
  const run = `run${++runs}`
  const model = aModel(run)
  const expected = units.map((unit) => model.apply(unit))
  const lone: Outcome[] = []
  for (const unit of units) lone.push(await commit(oneByOne, run, unit))
  const batched: Outcome[] = []
  for (let at = 0; at < units.length; ) {
    const batch = units.slice(at, at + sizes.next().value)
    const commits = batch.map((unit) => commit(together, run, unit))
    batched.push(...(await Promise.all(commits)))
    at += batch.length
  }
  expect(lone.map(resultOf)).toEqual(expected)
  expect(linksIn(lone)).toEqual(linksOf(units, expected))
  expect(batched).toEqual(lone)
  const state = await stateOf(together, run)
  expect(state).toEqual(await stateOf(oneByOne, run))
  expect(state).toEqual(model.state())
  expect((await together.audit()).findings).toEqual([])
}

/** The outcome, or `above the hold` for the one thing that is an error. */
async function commit(ledger: Ledger, run: string, drawn: DrawnUnit): Promise<Outcome> {
  const { commands, claim, link } = drawn
  try {
    return await ledger.commit({
      commands: commands.map((command) => commandOf(run, command)),
      ...(claim !== undefined && { rows: [aClaim(`${run}-${claim}`)] }),
      ...(link !== undefined && { entry: { chain: `${run}-${link}`, name: '' } }),
    })
  } catch (error) {
    expect(error).toMatchObject({ message: 'a capture is never larger than its hold' })
    return 'above the hold'
  }
}

/** The numbers that recorded links were given. */
function linksIn(outcomes: readonly Outcome[]): unknown[] {
  return outcomes.flatMap((outcome) =>
    typeof outcome === 'string' || !outcome.accepted ? [] : [outcome.recorded],
  )
}

/** Each chain counts 1, 2, 3 … over the accepted units that add to it. */
function linksOf(units: readonly DrawnUnit[], results: readonly string[]): unknown[] {
  const lengths = { x: 0, y: 0 }
  return units.flatMap(({ link }, i) => {
    if (results[i] !== 'accepted') return []
    return [link === undefined ? undefined : ++lengths[link]]
  })
}

function resultOf(outcome: Outcome): string {
  return typeof outcome === 'string' ? outcome : verdictOf(outcome)
}

function commandOf(run: string, drawn: Drawn): Command {
  const name = `${run}-${drawn.reference}`
  switch (drawn.kind) {
    case 'grant':
      return grantOf(`${run}-${drawn.account}`, nanos(BigInt(drawn.amount)), name)
    case 'hold': {
      const held = nanos(BigInt(drawn.amount))
      const counters = drawn.counters.map((kind) => counterFor(run, kind, held))
      return holdOf(`${run}-${drawn.account}`, held, { reference: name, counters })
    }
    case 'capture': {
      const { charge, fee } = takenBy(drawn)
      const command = captureOf(name, charge, fee)
      return { ...command, seller: `${run}-${SELLER}` } as Command
    }
    case 'release':
      return releaseOf(name)
    case 'transfer': {
      const [from, to] = [`${run}-${drawn.from}`, `${run}-${drawn.to}`]
      const source = drawn.from === SELLER ? ('earnings' as const) : ('spending' as const)
      return transferOf(from, to, nanos(BigInt(drawn.amount)), { source, reference: name })
    }
  }
}

function takenBy({ share, fee }: { share: number; fee: number }): { charge: Nanos; fee: Nanos } {
  return { charge: nanos(BigInt(share) / 20n), fee: nanos(BigInt(fee) / 50n) }
}

function counterFor(run: string, kind: CounterKind, held: Nanos): Counter {
  return counterOf(`${run}-${kind}`, kind, kind === 'spend' ? held : 1n, CEILINGS[kind])
}

async function stateOf(ledger: Ledger, run: string) {
  const balances = ACCOUNTS.map((name) => ledger.balanceOf(`${run}-${name}`))
  const { earned } = await ledger.earningsOf(`${run}-${SELLER}`)
  const counters = KINDS.map((kind) => counterFor(run, kind, nanos(0n)))
  const open = await ledger.openHolds(AT_MS * 2, 10_000)
  return {
    balances: await Promise.all(balances),
    earned,
    used: await ledger.usedOf(counters),
    open: open.filter(({ reference }) => reference.startsWith(`${run}-`)).length,
  }
}

type ModelHold = { account: string; amount: bigint; counters: Counter[] }
type ModelState = {
  available: Map<string, bigint>
  earned: bigint
  used: Map<string, bigint>
  applied: Set<string>
  claims: Set<number>
  holds: Map<number, ModelHold>
}

class ModelRefusal extends Error {}

/** The ledger as sums in memory: what it promises, said a second time and much shorter. */
function aModel(run: string) {
  let now: ModelState = {
    available: new Map(),
    earned: 0n,
    used: new Map(),
    applied: new Set(),
    claims: new Set(),
    holds: new Map(),
  }

  return {
    apply({ commands, claim }: DrawnUnit): string {
      const before = structuredClone(now)
      try {
        for (const command of commands) applyOne(command)
        if (claim !== undefined) once(now.claims, claim, 'row')
        return 'accepted'
      } catch (error) {
        if (!(error instanceof ModelRefusal)) throw error
        now = before
        return error.message
      }
    },
    state: () => ({
      balances: ACCOUNTS.map((name) => ({
        available: now.available.get(name) ?? 0n,
        held: [...now.holds.values()]
          .filter((hold) => hold.account === name)
          .reduce((sum, hold) => sum + hold.amount, 0n),
      })),
      earned: now.earned,
      used: KINDS.map((kind) => now.used.get(kind) ?? 0n),
      open: now.holds.size,
    }),
  }

  function applyOne(drawn: Drawn): void {
    switch (drawn.kind) {
      case 'grant':
        // An amount of nothing is no entry, so its reference stays free.
        if (drawn.amount > 0) once(now.applied, `grant ${drawn.reference}`, 'repeated')
        add(drawn.account, BigInt(drawn.amount))
        break
      case 'hold':
        hold(drawn)
        break
      case 'capture': {
        const { charge, fee } = takenBy(drawn)
        const ended = end(drawn.reference)
        if (charge + fee > ended.amount) throw new ModelRefusal('above the hold')
        now.earned += charge
        giveBack(ended, charge + fee)
        break
      }
      case 'release':
        giveBack(end(drawn.reference), undefined)
        break
      case 'transfer':
        transfer(drawn)
        break
    }
  }

  function hold({
    account: name,
    amount: asked,
    reference: at,
    counters: kinds,
  }: Drawn & { kind: 'hold' }) {
    const held = BigInt(asked)
    const counters = kinds.map((kind) => counterFor(run, kind, nanos(held)))
    for (const { kind, amount: counted, ceiling } of counters) {
      const used = (now.used.get(kind) ?? 0n) + counted
      if (used > ceiling) throw new ModelRefusal('counter')
      now.used.set(kind, used)
    }
    // A hold of nothing is no entry: only while it is open can it be repeated.
    if (held > 0n) once(now.applied, `hold ${at}`, 'repeated')
    if (held > (now.available.get(name) ?? 0n)) throw new ModelRefusal('insufficient')
    if (now.holds.has(at)) throw new ModelRefusal('repeated')
    add(name, -held)
    now.holds.set(at, { account: name, amount: held, counters })
  }

  function transfer({ from, to, amount: asked, reference: at }: Drawn & { kind: 'transfer' }) {
    const moved = BigInt(asked)
    if (moved > 0n) once(now.applied, `transfer ${at}`, 'repeated')
    const there = from === SELLER ? now.earned : (now.available.get(from) ?? 0n)
    if (moved > there) throw new ModelRefusal('insufficient')
    if (from === SELLER) now.earned -= moved
    else add(from, -moved)
    add(to, moved)
  }

  function end(at: number): ModelHold {
    const found = now.holds.get(at)
    if (!found) throw new ModelRefusal('not-held')
    now.holds.delete(at)
    return found
  }

  function giveBack(ended: ModelHold, taken: bigint | undefined): void {
    add(ended.account, ended.amount - (taken ?? 0n))
    for (const { kind, amount: counted } of ended.counters) {
      const kept = taken === undefined ? 0n : kind === 'spend' ? taken : counted
      const left = kind === 'attempt' ? counted : kind === 'open' ? 0n : kept
      now.used.set(kind, (now.used.get(kind) ?? 0n) - counted + left)
    }
  }

  function add(name: string, change: bigint): void {
    now.available.set(name, (now.available.get(name) ?? 0n) + change)
  }
}

function once<T>(known: Set<T>, one: T, refusal: string): void {
  if (known.has(one)) throw new ModelRefusal(refusal)
  known.add(one)
}
