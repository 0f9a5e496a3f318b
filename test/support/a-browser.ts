/**
 * A browser without a screen: keeps cookies by path, follows redirects within the site, fills forms
 * as they are on the page. Where a redirect leaves the site it stops, and says where to.
 */

export type Shown = {
  status: number
  /** Of the page, or where a redirect left the site to. */
  url: URL
  hasLeft: boolean
  text: string
  headers: Headers
}

export type Browser = {
  open(address: string): Promise<Shown>
  /** Sends a form of a page; `fields` are typed in, what the page fills in stays. */
  send(page: Shown, fields: Record<string, string | string[]>, action?: string): Promise<Shown>
  /** Sends exactly this. */
  post(address: string, fields: URLSearchParams, headers?: Record<string, string>): Promise<Shown>
  cookies: ReadonlyMap<string, { value: string; path: string }>
}

const MAX_REDIRECTS = 8

export function aBrowser(site: string): Browser {
  const cookies = new Map<string, { value: string; path: string }>()

  async function visit(address: URL, init: RequestInit = {}): Promise<Shown> {
    let url = address
    let sent: RequestInit = init
    for (let i = 0; i < MAX_REDIRECTS; i++) {
      const headers = new Headers(sent.headers)
      headers.set('cookie', cookiesFor(url.pathname))
      const response = await fetch(url, { ...sent, headers, redirect: 'manual' })
      keep(response.headers.getSetCookie())
      const location = response.headers.get('location')
      const shown = { status: response.status, headers: response.headers }
      if (location === null) return { ...shown, url, hasLeft: false, text: await response.text() }
      await response.body?.cancel()
      url = new URL(location, url)
      if (url.origin !== new URL(site).origin) return { ...shown, url, hasLeft: true, text: '' }
      sent = {}
    }
    throw new Error(`too many redirects at ${url}`)
  }

  function cookiesFor(path: string): string {
    return [...cookies]
      .filter(([, cookie]) => path.startsWith(cookie.path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  function keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(/; */)
      const [name = '', ...value] = pair.split('=')
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/'
      const isGone = /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)
      if (isGone) cookies.delete(name)
      else cookies.set(name, { value: value.join('='), path })
    }
  }

  const post: Browser['post'] = (address, fields, headers = {}) =>
    visit(new URL(address, site), { method: 'POST', body: fields, headers })

  return {
    cookies,
    post,
    open: (address) => visit(new URL(address, site)),
    send(page, fields, action) {
      const form = formIn(page, action)
      const filled = new URLSearchParams(form.fields)
      for (const [name, value] of Object.entries(fields)) {
        filled.delete(name)
        for (const one of [value].flat()) filled.append(name, one)
      }
      return post(form.action, filled, { origin: new URL(site).origin })
    },
  }
}

/** The form with this action, or the first; what it holds before anybody types. */
function formIn({ text, url }: Shown, action?: string) {
  const forms = [...text.matchAll(/<form ([^>]*)>([\s\S]*?)<\/form>/g)].map((found) => ({
    action: attribute(found[1]!, 'action') ?? url.pathname,
    inputs: [...found[2]!.matchAll(/<input ([^>]*)>/g)].map((input) => input[1]!),
  }))
  const form = forms.find((one) => action === undefined || one.action === action)
  if (!form) throw new Error(`no such form on ${url}: ${text}`)
  const fields = form.inputs
    .filter((input) => !/type="checkbox"/.test(input) || /checked/.test(input))
    .map((input): [string, string] => [
      attribute(input, 'name') ?? '',
      attribute(input, 'value') ?? '',
    ])
  return { action: form.action, fields }
}

function attribute(markup: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(markup)?.[1]
}
