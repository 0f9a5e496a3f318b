/** What all pages have around them: the frame, and headers that let nothing else in. */
import type { ServerResponse } from 'node:http'
import { type Content, type Html, html, textOf } from './html.js'

export type Page = {
  title: string
  content: Html
  status?: number
  /** Where a form's answer may lead; only to this site unless given. */
  formsLeadAnywhere?: boolean
  /** Whether the page asks a wallet. */
  hasWallet?: boolean
}

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
]

/** A page as text, and the headers that belong to it. */
export function renderPage(page: Page): { body: string; headers: Record<string, string> } {
  const forms = page.formsLeadAnywhere ? [] : ["form-action 'self'"]
  const body = textOf(html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · Souk</title>
<link rel="stylesheet" href="/assets/souk.css">
${page.hasWallet && html`<script src="/assets/wallet.js" defer></script>`}
<main>
<h1>${page.title}</h1>
${page.content}
</main>
</html>
`)
  return {
    body,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': [...POLICY, ...forms].join('; '),
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      // Without an origin in it a browser's form would look like a stranger's.
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    },
  }
}

export function sendPage(res: ServerResponse, page: Page): void {
  const { body, headers } = renderPage(page)
  const bytes = Buffer.from(body)
  res.writeHead(page.status ?? 200, { ...headers, 'content-length': bytes.length })
  res.end(bytes)
}

/** Goes to an address of this site, or to where a program wanted its person back. */
export function sendTo(res: ServerResponse, location: string): void {
  res.writeHead(303, { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })
  res.end()
}

/** A sentence that stands out; read aloud when the page comes. */
export function notice(text: Content): Html {
  return html`<p class="notice" role="alert">${text}</p>`
}
