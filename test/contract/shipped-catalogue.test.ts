/** Every provider that ships: its file fits the schema, its terms are named, its schemas work. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { canonicalJson, sha256Hex } from '#core/canonical-json'
import { createValidators, proveSchemas } from '#schemas'
import type { ShippedListing } from '../../src/catalogue/listing-schema.js'
import { readShipped } from '../../src/catalogue/shipped.js'

const FOLDER = join(import.meta.dirname, '../../catalog')

const SCHEMAS_A_WORKER = 100

const files = readdirSync(FOLDER)
  .toSorted()
  .map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }))

/** Read once; a file that is wrong fails its own test below and is left out of the others. */
const listings = files.flatMap(({ name, text }) => {
  try {
    return [readShipped(text, name)]
  } catch {
    return []
  }
})

const endpointsOf = ({ slug, endpoints }: ShippedListing) =>
  endpoints.map((endpoint) => ({ id: `${slug}.${endpoint.slug}`, ...endpoint }))
const endpoints = listings.flatMap(endpointsOf)
const live = listings.filter(({ status }) => status === 'live')
const drafts = listings.filter(({ status }) => status === 'draft')

describe('the folder', () => {
  test.each(files)('$name fits the schema of shipped listings', ({ name, text }) => {
    readShipped(text, name)
  })

  test('has at least 40 providers and 120 endpoints', () => {
    expect(listings.length).toBeGreaterThanOrEqual(40)
    expect(endpoints.length).toBeGreaterThanOrEqual(120)
  })

  test('has at least 40 providers and 120 endpoints that are live, so that a fresh start can use them', () => {
    expect(live.length).toBeGreaterThanOrEqual(40)
    expect(live.flatMap(endpointsOf).length).toBeGreaterThanOrEqual(120)
  })

  test('names no endpoint twice', () => {
    expect(new Set(endpoints.map(({ id }) => id)).size).toBe(endpoints.length)
  })

  test('leaves room for an endpoint id in what buyers may send', () => {
    for (const { id } of endpoints) expect(id.length, id).toBeLessThanOrEqual(140)
  })
})

describe('every provider', () => {
  test('is reached over https alone, at a host with a name', () => {
    for (const { slug, backend } of listings) {
      const { protocol, hostname } = new URL(backend.base_url)
      expect({ slug, protocol }).toEqual({ slug, protocol: 'https:' })
      expect(hostname, slug).toMatch(/\.[a-z]{2,}$/)
    }
  })

  test('has a home page and terms that can be opened', () => {
    for (const { slug, provider } of listings) {
      for (const url of [provider.homepage, provider.terms_url, provider.docs_url]) {
        if (url !== undefined) expect(url, slug).toMatch(/^https?:\/\/[^/]+\.[a-z]{2,}/)
      }
      expect(provider.terms_url, slug).toBeDefined()
    }
  })

  test('ships without any value of a credential', () => {
    for (const { name, text } of files) {
      const { credential } = parse(text) as { credential: object }
      const fields = Object.keys(credential).filter((field) => !['type', 'name'].includes(field))
      expect({ name, fields }).toEqual({ name, fields: [] })
      expect(text, name).not.toMatch(/\b(sk|pk|ghp|xox[bp])[-_][A-Za-z0-9]{16,}|AKIA[A-Z0-9]{16}/)
    }
  })

  test('that needs a credential in a header or parameter says which', () => {
    for (const { slug, credential } of listings) {
      const isNamed = credential.type === 'header' || credential.type === 'query'
      expect({ slug, named: credential.name !== undefined }).toEqual({ slug, named: isNamed })
    }
  })
})

describe('a live provider', () => {
  test('needs no key', () => {
    for (const { slug, credential } of live) {
      expect({ slug, type: credential.type }).toEqual({ slug, type: 'none' })
    }
  })

  test('is free', () => {
    for (const { id, price } of live.flatMap(endpointsOf)) {
      expect({ id, model: price.model }).toEqual({ id, model: 'free' })
    }
  })

  test('names its licence and whom to attribute', () => {
    for (const { slug, provider } of live) {
      expect(provider.licence, slug).toBeTruthy()
      expect(provider.attribution, slug).toBeTruthy()
    }
  })
})

test('a draft says what the operator has to do', () => {
  for (const { slug, operator_must } of drafts) {
    expect(operator_must?.length ?? 0, slug).toBeGreaterThan(30)
  }
})

test('a provider that needs a credential is a draft', () => {
  const withKey = listings.filter(({ credential }) => credential.type !== 'none')
  expect(withKey.filter(({ status }) => status !== 'draft').map(({ slug }) => slug)).toEqual([])
})

describe('every endpoint', () => {
  const validators = createValidators()
  const faultsOf = (schema: Record<string, unknown>, value: unknown) =>
    validators.for(schema, sha256Hex(canonicalJson(schema)))(value)

  test('has an input schema that the gateway proves and compiles', async () => {
    // A worker takes 0.2 s to start, so that many schemas share one.
    for (let from = 0; from < endpoints.length; from += SCHEMAS_A_WORKER) {
      const portion = endpoints.slice(from, from + SCHEMAS_A_WORKER)
      await proveSchemas(
        portion.map(({ id, input_schema }) => ({ where: id, schema: input_schema })),
      )
    }
    for (const { input_schema } of endpoints) faultsOf(input_schema, {})
  })

  test('has an example of arguments that fits it', () => {
    const wrong = endpoints.flatMap(({ id, example, input_schema }) => {
      const faults = example ? faultsOf(input_schema, example.arguments) : ['no example']
      return faults.length > 0 ? [{ id, faults }] : []
    })
    expect(wrong).toEqual([])
  })

  test('refuses an argument that it does not declare', () => {
    const lenient = endpoints.filter(
      ({ input_schema, example }) =>
        faultsOf(input_schema, { ...example?.arguments, 'no-such-argument': 1 }).length === 0,
    )
    expect(lenient.map(({ id }) => id)).toEqual([])
  })

  test('has every variable of its path among the required arguments', () => {
    for (const { id, path, input_schema } of endpoints) {
      const required = (input_schema.required ?? []) as string[]
      for (const [, variable] of path.matchAll(/\{(\w+)\}/g)) {
        expect({ id, variable, required: required.includes(variable!) }).toEqual({
          id,
          variable,
          required: true,
        })
      }
    }
  })
})
