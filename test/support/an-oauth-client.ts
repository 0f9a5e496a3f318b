/** A program that wants to be let in, as MCP clients do it: registers, sends a browser, gets tokens. */
import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Browser, Shown } from './a-browser.js'
import type { Json, World } from './world.js'

export const REDIRECT = 'http://127.0.0.1:33418/callback'
export const PASSWORD = 'correct horse battery'

export type Tokens = { access_token: string; refresh_token: string; scope: string }
export type Answered = { status: number; json: Json }

export type OAuthClient = {
  id: string
  verifier: string
  /** Where a browser is sent; `undefined` leaves a parameter out. */
  authorizeUrl(changes?: Record<string, string | undefined>): string
  /** The token endpoint with this form. */
  token(fields: Record<string, string>): Promise<Answered>
  redeem(code: string, changes?: Record<string, string>): Promise<Answered>
  refresh(token: string): Promise<Answered>
}

export async function register(world: World, metadata: Json = {}): Promise<Answered> {
  const { status, json } = await world.rest('POST', '/oauth/register', undefined, {
    client_name: 'Test client',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    ...metadata,
  })
  return { status, json }
}

export async function anOAuthClient(world: World, metadata: Json = {}): Promise<OAuthClient> {
  const { status, json } = await register(world, metadata)
  expect(status).toBe(201)
  return clientNamed(world, json.client_id as string)
}

export function clientNamed(world: World, id: string): OAuthClient {
  const verifier = randomBytes(32).toString('base64url')
  const token = async (fields: Record<string, string>) => {
    const body = new URLSearchParams({ client_id: id, ...fields })
    const response = await fetch(`${world.url}/oauth/token`, { method: 'POST', body })
    return { status: response.status, json: (await response.json()) as Json }
  }
  return {
    id,
    verifier,
    token,
    authorizeUrl(changes = {}) {
      const all: Record<string, string | undefined> = {
        client_id: id,
        response_type: 'code',
        redirect_uri: REDIRECT,
        scope: 'call read',
        state: 'state-4711',
        resource: `${world.url}/mcp`,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...changes,
      }
      const given = Object.entries(all).filter(([, value]) => value !== undefined)
      return `/oauth/authorize?${new URLSearchParams(given as [string, string][])}`
    },
    redeem: (code, changes = {}) =>
      token({
        grant_type: 'authorization_code',
        redirect_uri: REDIRECT,
        code_verifier: verifier,
        code,
        ...changes,
      }),
    refresh: (refresh_token) => token({ grant_type: 'refresh_token', refresh_token }),
  }
}

/** Gives an account a person, who can sign in with `PASSWORD`. */
export async function aPerson(world: World, key: string, email: string): Promise<void> {
  const signIn = { email, password: PASSWORD }
  expect((await world.rest('PUT', '/v1/me/sign-in', key, signIn)).status).toBe(200)
}

/** Signs in where the page asks for it, and says yes. @returns where the browser was sent. */
export async function sayYes(browser: Browser, page: Shown, email: string): Promise<Shown> {
  const asked = page.url.pathname === '/sign-in' ? await signIn(browser, page, email) : page
  expect(asked.url.pathname).toMatch(/^\/oauth\/consent\//)
  return browser.send(asked, { decision: 'allow' })
}

export function signIn(browser: Browser, page: Shown, email: string): Promise<Shown> {
  return browser.send(page, { email, password: PASSWORD }, '/sign-in')
}

/** All of it: the tokens of a client that a person let in. */
export async function connect(
  client: OAuthClient,
  browser: Browser,
  email: string,
  changes: Record<string, string | undefined> = {},
): Promise<Tokens> {
  const left = await sayYes(browser, await browser.open(client.authorizeUrl(changes)), email)
  expect(left.hasLeft, left.text).toBe(true)
  const { status, json } = await client.redeem(left.url.searchParams.get('code')!, {
    redirect_uri: changes.redirect_uri ?? REDIRECT,
  })
  expect(status, JSON.stringify(json)).toBe(200)
  return json as unknown as Tokens
}
