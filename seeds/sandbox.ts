/** The sandbox: a seller that really sells and a buyer with credit, made through the features. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { parse } from 'yaml'
import { newSecret } from '#accounts'
import { type ListingInput, listingSchema } from '#catalogue'
import { parseUsdc } from '#core/money'
import { grant } from '#payments'
import type { Gateway } from '../src/compose.js'
import { writeSecret } from '../src/secret-file.js'
import { startSampleSeller } from './sample-seller.js'

const BUYER_CREDIT = '5'

export type Sandbox = {
  /** The buyer's key, and whether it was made just now. */
  buyerKey: string
  isNew: boolean
  sellerUrl: string
  close(): Promise<void>
}

type Keys = { buyer: string; sample_seller: string; upstream: string; upstream_port: number }

export async function openSandbox(gateway: Gateway): Promise<Sandbox> {
  const { deps, config } = gateway
  const file = join(config.dataDir, 'sandbox-keys.json')
  const isNew = !existsSync(file)
  const keys: Keys = isNew ? await makeAccounts(gateway) : JSON.parse(readFileSync(file, 'utf8'))
  const seller = await startSampleSeller({
    host: '127.0.0.1',
    port: (await isFree(keys.upstream_port)) ? keys.upstream_port : 0,
    apiKey: keys.upstream,
    nowMs: deps.clock.now,
  })
  deps.upstreams.allowHost(new URL(seller.baseUrl).host)
  await list(gateway, keys, { baseUrl: seller.baseUrl, isKeyNew: isNew })
  // Kept from start to start: a listing whose address changes is a new version of its endpoints.
  writeSecret(file, JSON.stringify({ ...keys, upstream_port: seller.port }, null, 2))
  return { buyerKey: keys.buyer, isNew, sellerUrl: seller.baseUrl, close: seller.close }
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
  const [existing] = await catalogue.listOwn(seller.id)
  if (!existing) {
    const created = await catalogue.create(seller.id, input)
    await catalogue.publish(seller.id, created.listing.id)
    return
  }
  if (existing.listing.backend.base_url === baseUrl && !isKeyNew) return
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
