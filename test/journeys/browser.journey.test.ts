/**
 * The pages in a real browser, small and without scripts too: what they may load and where their forms
 * may lead is decided there. Needs Chromium and playwright-core; says so where they are missing.
 */
import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anOAuthClient, aPerson, PASSWORD } from '../support/an-oauth-client.js'
import { aWorld, type World } from '../support/world.js'

const CHROMIUM = '/usr/bin/chromium'
const EMAIL = 'ada@example.com'
const WALLET = privateKeyToAccount(`0x${'44'.repeat(32)}`)

/** As much of playwright-core as is used here; it need not be installed. */
type Page = {
  goto(url: string): Promise<unknown>
  url(): string
  fill(selector: string, text: string): Promise<void>
  click(selector: string): Promise<void>
  waitForURL(url: RegExp): Promise<void>
  waitForSelector(selector: string): Promise<unknown>
  evaluate<T>(script: string): Promise<T>
  addInitScript(script: string): Promise<unknown>
  exposeFunction(name: string, work: (message: string) => Promise<string>): Promise<unknown>
  on(
    event: 'console' | 'pageerror',
    hear: (said: { type?(): string; text?(): string }) => void,
  ): void
  keyboard: { press(key: string): Promise<void> }
}
type Context = { newPage(): Promise<Page>; close(): Promise<void> }
type Chromium = { newContext(options: object): Promise<Context>; close(): Promise<void> }

const name = 'playwright-core'
const playwright = existsSync(CHROMIUM)
  ? await import(/* @vite-ignore */ name).catch(() => undefined)
  : undefined
if (!playwright) console.info(`skipped: the browser's journey needs ${CHROMIUM} and ${name}`)

describe.skipIf(!playwright)('in a browser', () => {
  let world: World
  let chromium: Chromium
  /** Where the program's person comes back to. */
  let client: Server
  let callback: string
  const said: string[] = []

  beforeAll(async () => {
    world = await aWorld()
    const ada = await world.account('Ada', '1')
    await aPerson(world, ada.key, EMAIL)
    client = createServer((_req, res) => res.end('back'))
    await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve))
    callback = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`
    const args = ['--no-sandbox']
    chromium = await playwright.chromium.launch({ executablePath: CHROMIUM, args })
  })

  afterAll(async () => {
    await chromium.close()
    client.closeAllConnections()
    await new Promise((resolve) => client.close(resolve))
    await world.close()
  })

  async function aPage(options: object = {}): Promise<{ page: Page; context: Context }> {
    const viewport = { width: 320, height: 640 }
    const context = await chromium.newContext({ viewport, ...options })
    const page = await context.newPage()
    page.on('console', (line) => {
      if (line.type?.() === 'error') said.push(line.text?.() ?? '')
    })
    page.on('pageerror', (error) => said.push(String(error)))
    return { page, context }
  }

  async function signIn(page: Page): Promise<void> {
    await page.fill('#email', EMAIL)
    await page.fill('#password', PASSWORD)
    await page.keyboard.press('Enter')
  }

  test.each([true, false])(
    'a person lets a program in (scripts: %s)',
    async (javaScriptEnabled) => {
      const program = await anOAuthClient(world, { redirect_uris: [callback] })
      const { page, context } = await aPage({ javaScriptEnabled })
      await page.goto(world.url + program.authorizeUrl({ redirect_uri: callback }))
      await signIn(page)
      await page.waitForURL(/\/oauth\/consent\//)
      await page.click('button[value=allow]')
      await page.waitForURL(/\/callback\?/)
      expect(new URL(page.url()).searchParams.get('code')).toMatch(/^[\w-]{43}$/)
      await context.close()
    },
  )

  test('pages fit 320 pixels, and every field has a label', async () => {
    const { page, context } = await aPage()
    const program = await anOAuthClient(world, { client_name: 'W'.repeat(80) })
    for (const path of ['/sign-in', program.authorizeUrl(), '/account']) {
      await page.goto(world.url + path)
      if (page.url().includes('/sign-in?')) {
        await signIn(page)
        await page.waitForURL(/\/(oauth\/consent|account)/)
      }
      const width = await page.evaluate<number>('document.documentElement.scrollWidth')
      expect(width, page.url()).toBeLessThanOrEqual(320)
      const unlabelled = await page.evaluate<number>(
        `[...document.querySelectorAll('input:not([type=hidden])')].filter((i) => !i.labels.length).length`,
      )
      expect(unlabelled, page.url()).toBe(0)
    }
    await context.close()
  })

  test('a wallet is linked and signs in', async () => {
    const { page, context } = await aPage()
    await page.exposeFunction('signWithWallet', (message) => WALLET.signMessage({ message }))
    await page.addInitScript(`window.ethereum = { request: ({ method, params }) =>
      method === 'eth_requestAccounts' ? ['${WALLET.address}']
      : method === 'eth_chainId' ? '0x2105' : window.signWithWallet(params[0]) }`)
    await page.goto(`${world.url}/sign-in`)
    await signIn(page)
    await page.waitForURL(/\/account$/)
    await page.click('form[data-wallet] button')
    await page.waitForSelector(`text=${WALLET.address.toLowerCase()}`)
    await page.click('form[action="/sign-out"] button')
    await page.waitForURL(/\/sign-in$/)
    await page.click('form[data-wallet] button')
    await page.waitForURL(/\/account$/)
    await context.close()
  })

  test('no page asked for what its policy forbids', () => {
    expect(said).toEqual([])
  })
})
