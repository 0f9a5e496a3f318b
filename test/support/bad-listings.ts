/** What a seller may not list: a row changes one thing of a listing that would be accepted. */
import type { ProblemCode } from '#core/problem'
import type { Json } from './world.js'

export type BadListing = {
  name: string
  code: ProblemCode
  listing?: Json
  endpoint?: Json
}

type Group = { name: string; code?: ProblemCode; listing?: Json; endpoint?: Json }[]

const rows = (what: string, group: Group): BadListing[] =>
  group.map(({ name, code = 'invalid_request', ...rest }) => ({
    name: `${what} ${name}`,
    code,
    ...rest,
  }))

const property = (name: string, schema: Json, rest: Json = {}) => ({
  input_schema: {
    type: 'object',
    required: ['space'],
    properties: { space: { type: 'string', 'x-in': 'path' }, [name]: schema },
    ...rest,
  },
})

const BASE_URLS = [
  'https://127.0.0.1/',
  'https://127.0.0.1:8402/',
  'https://localhost/',
  'https://sub.localhost/',
  'https://localhost./',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[fe80::1]/',
  'https://[fc00::1]/',
  'https://169.254.169.254/latest/meta-data/',
  'https://[::ffff:169.254.169.254]/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.1/',
  'https://017700000001/',
  'https://0177.0.0.1/',
  'https://127.1/',
  'https://0/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://192.168.0.1/',
  'https://100.64.0.1/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://①②⑦.⓪.⓪.①/',
  'http://api.example.com/',
  'http://127.0.0.1/',
  'https://user:password@api.example.com/',
  'https://user@api.example.com/',
  'https://api.example.com:22/',
  'https://api.example.com/?key=1',
  'https://api.example.com/#x',
  'https://api.example.com//x',
  'ftp://api.example.com/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'https://',
  'https:///',
  'nowhere at all',
]

const backends = rows('the base URL', [
  ...BASE_URLS.map((base_url) => ({
    name: base_url,
    listing: { backend: { type: 'http', base_url } },
  })),
])

const backendTypes = rows('the backend', [
  { name: 'of no type', listing: { backend: { base_url: 'https://api.example.com' } } },
  { name: 'that runs a command', listing: { backend: { type: 'stdio', command: 'sh' } } },
])

const deep = (levels: number): Json =>
  levels === 0 ? { type: 'string' } : { type: 'object', properties: { a: deep(levels - 1) } }

const schemas = rows('a schema with', [
  { name: 'a look-ahead', endpoint: property('q', { type: 'string', pattern: '^(?=a)b' }) },
  { name: 'a look-behind', endpoint: property('q', { type: 'string', pattern: '(?<!a)b' }) },
  { name: 'a back-reference', endpoint: property('q', { type: 'string', pattern: '(a+)\\1$' }) },
  {
    name: 'a pattern of endless repetition',
    endpoint: property('q', { type: 'string', pattern: '((a{100}){100}){100}' }),
  },
  { name: 'no pattern as pattern', endpoint: property('q', { type: 'string', pattern: '(' }) },
  {
    name: 'a look-ahead as name of properties',
    endpoint: property('q', { type: 'object', patternProperties: { '(?=a)': {} } }),
  },
  { name: 'a remote $ref', endpoint: property('q', { $ref: 'https://api.example.com/s.json' }) },
  { name: 'a $ref to a file', endpoint: property('q', { $ref: 'file:///etc/passwd' }) },
  { name: 'a $ref to nothing', endpoint: property('q', { $ref: '#/$defs/nothing' }) },
  { name: '40 levels', endpoint: property('q', deep(40)) },
  {
    name: 'more than 64 KiB',
    endpoint: property('q', { type: 'string', default: 'x'.repeat(66_000) }),
  },
  {
    name: 'more than 2,000 nodes',
    endpoint: property('q', { anyOf: Array.from({ length: 2_000 }, () => ({ type: 'null' })) }),
  },
  { name: 'no object at its root', endpoint: { input_schema: { type: 'string' } } },
  { name: 'no type at its root', endpoint: { input_schema: { properties: {} } } },
  { name: 'an unknown type', endpoint: property('q', { type: 'strings' }) },
  { name: 'an unknown place', endpoint: property('q', { type: 'string', 'x-in': 'trailer' }) },
  { name: 'a list as properties', endpoint: { input_schema: { type: 'object', properties: [] } } },
])

const AIMS = ['x-api-key', 'X-API-KEY', 'Host', 'Content-Length', 'Transfer-Encoding']
  .concat(['Connection', 'Cookie', 'Authorization', 'Proxy-Authorization', 'Upgrade'])
  .concat(['bad name', 'a\r\nb', ''])

const arguments_ = rows('an argument', [
  ...AIMS.map((name) => ({
    name: `that aims at the header ${JSON.stringify(name)}`,
    endpoint: property(name, { type: 'string', 'x-in': 'header' }),
  })),
  {
    name: "that aims at the credential's query parameter",
    listing: { credential: { type: 'query', name: 'key', value: 'long-enough-1' } },
    endpoint: property('KEY', { type: 'string', 'x-in': 'query' }),
  },
  {
    name: 'in the body of a GET',
    endpoint: property('q', { type: 'string', 'x-in': 'body' }),
  },
  {
    name: 'in a path that has no place for it',
    endpoint: property('q', { type: 'string', 'x-in': 'path' }),
  },
  {
    name: 'of the path that may be missing',
    endpoint: property('q', { type: 'string' }, { required: [] }),
  },
])

const paths = rows('the path', [
  ...['search', '/../admin', '/a/../../b', '//evil.example', '/a?x=1', '/a#b', '/a\\b']
    .concat(['/{space', '/{other}', '/a b', '/\r\nx', '/%2e%2e/{space}', ''])
    .map((path) => ({ name: JSON.stringify(path), endpoint: { path } })),
  { name: 'of a method that is none', endpoint: { method: 'TRACE' } },
])

const credentials = rows('a credential', [
  ...['', 'short12', 'a\r\nx-evil: 1', 'with\0nul-byte'].flatMap((secret) => [
    {
      name: `header ${JSON.stringify(secret)}`,
      listing: { credential: { type: 'header', name: 'x-api-key', value: secret } },
    },
    {
      name: `bearer ${JSON.stringify(secret)}`,
      listing: { credential: { type: 'bearer', token: secret } },
    },
    {
      name: `basic ${JSON.stringify(secret)}`,
      listing: { credential: { type: 'basic', username: 'me', password: secret } },
    },
    {
      name: `query ${JSON.stringify(secret)}`,
      listing: { credential: { type: 'query', name: 'key', value: secret } },
    },
  ]),
  ...['Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Cookie', 'x\r\ny', ''].map(
    (name) => ({
      name: `in the header ${JSON.stringify(name)}`,
      listing: { credential: { type: 'header', name, value: 'long-enough-1' } },
    }),
  ),
  { name: 'of an unknown type', listing: { credential: { type: 'magic', value: 'long-enough' } } },
  { name: 'that is a text', listing: { credential: 'long-enough-1' } },
])

const prices = rows('the price', [
  ...[0.001, '0', '-1', '0.0000000001', 'abc', '1e3', '', '99999999999', null].map((amount) => ({
    name: `per call of ${JSON.stringify(amount)}`,
    endpoint: { price: { model: 'per_call', amount } },
  })),
  ...[
    { max_quantity: undefined },
    { max_quantity: 0 },
    { max_quantity: -1 },
    { max_quantity: 1e13 },
    { max_quantity: '5' },
    { quantity: 'usage' },
    { quantity: '' },
    { per: 0 },
  ].map((changes) => ({
    name: `per unit with ${JSON.stringify(changes)}`,
    endpoint: {
      price: {
        model: 'per_unit',
        unit: 'word',
        amount: '0.1',
        quantity: '/n',
        max_quantity: 1,
        ...changes,
      },
    },
  })),
  { name: 'of no model', endpoint: { price: { amount: '0.1' } } },
  { name: 'free with a cap of 0', endpoint: { price: { model: 'free', daily_cap: 0 } } },
])

const names = rows('the slug', [
  ...['', 'Upper', 'a.b', '../x', 'a_b', '-a', 'x'.repeat(65), 'wiki\n', "a'--"].map((slug) => ({
    name: JSON.stringify(slug.slice(0, 20)),
    listing: { slug },
  })),
  { name: 'of a shipped provider', code: 'slug_taken', listing: { slug: 'arxiv' } },
  { name: 'of another listing', code: 'slug_taken', listing: { slug: 'listed' } },
  { name: 'of an endpoint with a dot', endpoint: { slug: 'a.b' } },
])

const others = rows('a listing with', [
  ...[0, -1, 1.5, '1', null].map((per_second) => ({
    name: `the limit ${JSON.stringify(per_second)}`,
    listing: { limits: { per_second } },
  })),
  { name: 'an unknown limit', listing: { limits: { per_year: 1 } } },
  { name: 'no endpoints', listing: { endpoints: [] } },
  { name: 'an unknown field', listing: { seller_id: 'acct_x' } },
  { name: 'nothing but hidden text in its title', listing: { title: '\u202e\u200b' } },
  { name: 'a script as homepage', listing: { provider: { homepage: 'javascript:alert(1)' } } },
  {
    name: 'hidden text in its homepage',
    listing: { provider: { homepage: 'https://example.com/\u202e' } },
  },
  { name: 'hidden text in the name of an argument', endpoint: property('q\u200b', {}) },
  { name: 'an endless title', listing: { title: 'x'.repeat(121) } },
  ...['data', '/~2', ''].map((must_exist) => ({
    name: `the success rule ${JSON.stringify(must_exist)}`,
    endpoint: { success: { must_exist } },
  })),
  { name: 'success on status 99', endpoint: { success: { status: 99 } } },
])

export const badListings: readonly BadListing[] = [
  ...backends,
  ...backendTypes,
  ...schemas,
  ...arguments_,
  ...paths,
  ...credentials,
  ...prices,
  ...names,
  ...others,
]
