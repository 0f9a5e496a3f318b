/** The sandbox: a seller that really sells and a buyer with credit, made through the features. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parse } from 'yaml'
import { newSecret } from '#accounts'
import { type ListingInput, listingSchema } from '#catalogue'
import { parseUsdc } from '#core/money'
import { grant } from '#payments'
import type { Gateway } from '../src/compose.js'
import { readSecret, writeSecret } from '../src/secret-file.js'
import { readShared, share } from '../src/shared-secret.js'
import { type SampleSeller, type SampleSellerOptions, startSampleSeller } from './sample-seller.js'

const BUYER_CREDIT = '5'
const STAND_IN_MS = 1_000
const PROBE_MS = 2_000

export type Sandbox = {
  /** The buyer's key, and whether this gateway's folder did not hold it yet. */
  buyerKey: string
  isNew: boolean
  sellerUrl: string
  close(): Promise<void>
}

type Keys = { buyer: string; sample_seller: string; upstream: string; upstream_port: number }

/** Gateways on one database must not run this at the same time; those that come later share all. */
export async function openSandbox(gateway: Gateway): Promise<Sandbox> {
  const { deps, config } = gateway
  const file = join(config.dataDir, 'sandbox-keys.json')
  const kept = readSecret(file)
  const known = await knownKeys(gateway, kept)
  const keys = known ?? (await makeAccounts(gateway))
  const seller = await openSeller(gateway, keys)
  await list(gateway, keys, { baseUrl: seller.baseUrl, isKeyNew: known === undefined })
  // Kept from start to start: a listing whose address changes is a new version of its endpoints.
  const text = JSON.stringify({ ...keys, upstream_port: seller.port }, null, 2)
  await share(deps, 'sandbox_keys', text)
  writeSecret(file, text)
  const isNew = kept === undefined || (JSON.parse(kept) as Keys).buyer !== keys.buyer
  return { buyerKey: keys.buyer, isNew, sellerUrl: seller.baseUrl, close: seller.close }
}

/** The keys that the accounts have; a file is of another database where there are no accounts. */
async function knownKeys({ deps }: Gateway, kept: string | undefined): Promise<Keys | undefined> {
  const hasAccounts = (await deps.accounts.bySlug('sample-seller')) !== undefined
  const known = (await readShared(deps, 'sandbox_keys')) ?? (hasAccounts ? kept : undefined)
  return known === undefined ? undefined : JSON.parse(known)
}

/**
 * The sample seller, at the address that its listing has if that can be had. Another gateway of this
 * machine may be serving there: then that one does, and this one only when it has ended.
 */
async function openSeller(gateway: Gateway, keys: Keys): Promise<SampleSeller> {
  const { upstreams, clock } = gateway.deps
  const port = keys.upstream_port
  const options = { host: '127.0.0.1', port, apiKey: keys.upstream, nowMs: clock.now }
  const isServed = !(await isFree(port)) && (await isServedAt(gateway, keys))
  const seller = isServed
    ? standIn(options)
    : await startSampleSeller({ ...options, port: (await isFree(port)) ? port : 0 })
  upstreams.allowHost(new URL(seller.baseUrl).host)
  return seller
}

/** Whether what answers at the port is a sample seller with our key. */
async function isServedAt({ deps: { upstreams } }: Gateway, keys: Keys): Promise<boolean> {
  const host = `127.0.0.1:${keys.upstream_port}`
  upstreams.allowHost(host)
  const request = { method: 'GET' as const, url: `http://${host}/v1/flaky`, headers: {} }
  const credential = { type: 'header' as const, name: 'x-api-key', value: keys.upstream }
  const answer = await upstreams.send(request, credential, { timeoutMs: PROBE_MS })
  return answer.kind === 'answered' && answer.status === 200
}

function standIn(options: SampleSellerOptions): SampleSeller {
  let serving: Promise<SampleSeller | undefined> = Promise.resolve(undefined)
  const timer = setInterval(() => {
    serving = serving.then((own) => own ?? startSampleSeller(options).catch(() => undefined))
  }, STAND_IN_MS)
  timer.unref()
  const close = async () => {
    clearInterval(timer)
    await (await serving)?.close()
  }
  return { port: options.port, baseUrl: `http://${options.host}:${options.port}`, close }
}

async function makeAccounts(gateway: Gateway): Promise<Keys> {
  const buyer = await freshSecret(gateway, 'Sandbox buyer', 'sandbox-buyer')
  const seller = await freshSecret(gateway, 'Sample seller', 'sample-seller')
  if (buyer.isNew) {
    const terms = { amount: parseUsdc(BUYER_CREDIT), reason: 'sandbox credit' }
    await grant(gateway.deps, buyer.account, terms)
  }
  return {
    buyer: buyer.secret,
    sample_seller: seller.secret,
    upstream: newSecret('test'),
    upstream_port: 0,
  }
}

/** An account and a secret of its own; one that is there, its keys file lost, gets a new secret. */
async function freshSecret({ deps: { accounts } }: Gateway, name: string, slug: string) {
  const account = await accounts.bySlug(slug)
  if (!account) return { ...(await accounts.create({ name, slug })), isNew: true }
  const secret = newSecret('test')
  await accounts.fixSecret(account.id, secret)
  return { account, secret, isNew: false }
}

async function list(
  { deps, root }: Gateway,
  keys: Keys,
  { baseUrl, isKeyNew }: { baseUrl: string; isKeyNew: boolean },
): Promise<void> {
  const { catalogue, accounts } = deps
  const seller = (await accounts.bySlug('sample-seller'))!
  const written = parse(readFileSync(join(root, 'seeds/sample-listing.yaml'), 'utf8'))
  const credential = { ...written.credential, value: keys.upstream }
  const backend = { type: 'http', base_url: baseUrl }
  const input: ListingInput = listingSchema.parse({ ...written, backend, credential })
  const { listings } = await catalogue.listOwn(seller.id)
  const [existing] = listings
  if (!existing) {
    const created = await catalogue.create(seller.id, input)
    await catalogue.publish(seller.id, created.listing.id)
    return
  }
  const { backend: known } = existing.listing
  if (known.type === 'http' && known.base_url === baseUrl && !isKeyNew) return
  const { slug: _slug, credential: _credential, ...patch } = input
  await catalogue.change(seller.id, existing.listing.id, patch)
  await catalogue.setCredential(seller.id, existing.listing.id, credential)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
