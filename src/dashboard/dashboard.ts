/**
 * The face for people: a few pages that the server writes, without scripts but for wallets. It
 * translates and decides nothing.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '#core/problem'
import { refusalIn } from '#core/storage-problem'
import { html } from './html.js'
import { notice, renderPage, sendPage } from './page.js'
import type { PageRoute } from './page-route.js'
import { type ApprovalDeps, approvalPages } from './pages-approval.js'
import { type ConsentDeps, consentPages } from './pages-consent.js'
import { type HomeDeps, homePages } from './pages-home.js'
import { type SignInDeps, signInPages } from './pages-sign-in.js'
import { type SignUpDeps, signUpPages } from './pages-sign-up.js'
import { STYLESHEET } from './stylesheet.js'
import { createVisits, type VisitDeps } from './visit.js'
import { WALLET_SCRIPT } from './wallet-script.js'

export type { Approval, Approvals } from './pages-approval.js'

type PageDeps = ApprovalDeps & ConsentDeps & HomeDeps & SignInDeps & SignUpDeps

export type DashboardDeps = PageDeps &
  VisitDeps & {
    telemetry: { failed(error: unknown): string }
  }

export type Dashboard = {
  /** Whether requests for this path are answered here. */
  owns(path: string): boolean
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
}

const ASSETS: Readonly<Record<string, { type: string; text: string }>> = {
  '/assets/souk.css': { type: 'text/css; charset=utf-8', text: STYLESHEET },
  '/assets/wallet.js': { type: 'text/javascript; charset=utf-8', text: WALLET_SCRIPT },
}

const pages: readonly PageRoute<PageDeps>[] = [
  ...signInPages,
  ...signUpPages,
  ...consentPages,
  ...homePages,
  ...approvalPages,
]

export function createDashboard(deps: DashboardDeps): Dashboard {
  const visitOf = createVisits(deps)
  return {
    owns: (path) => Object.hasOwn(ASSETS, path) || pages.some((page) => page.path.test(path)),
    async handle(req, res) {
      try {
        const path = new URL(req.url ?? '/', deps.publicUrl).pathname
        const asset = Object.hasOwn(ASSETS, path) ? ASSETS[path] : undefined
        if (asset) sendAsset(res, asset)
        else await answer(deps, req, res, path)
      } catch (error) {
        showFailure(deps, res, error)
      }
    },
  }

  async function answer(
    given: PageDeps,
    req: IncomingMessage,
    res: ServerResponse,
    path: string,
  ): Promise<void> {
    const method = req.method === 'HEAD' ? 'GET' : req.method
    const here = pages.filter((page) => page.path.test(path))
    const page = here.find((one) => one.method === method)
    if (!page) {
      res.setHeader('allow', here.map((one) => one.method).join(', '))
      throw new Problem('method_not_allowed', 'This page does not do that.')
    }
    await page.run(given, await visitOf(req, res), page.path.exec(path)!.slice(1))
  }
}

/** A page that says what went wrong, for others who answer people. */
export function errorPage(text: string): { body: string; headers: Record<string, string> } {
  return renderPage({ title: 'This did not work', content: notice(text) })
}

function sendAsset(res: ServerResponse, { type, text }: { type: string; text: string }): void {
  const bytes = Buffer.from(text)
  res.writeHead(200, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'public, max-age=3600',
    'x-content-type-options': 'nosniff',
  })
  res.end(bytes)
}

function showFailure({ telemetry }: DashboardDeps, res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const refusal = refusalIn(error)
  const traceId = refusal ? undefined : telemetry.failed(error)
  if (refusal?.retryAfterMs !== undefined) {
    res.setHeader('retry-after', Math.ceil(refusal.retryAfterMs / 1000))
  }
  sendPage(res, {
    title: 'This did not work',
    status: refusal?.status ?? 500,
    content: refusal
      ? html`${notice(refusal.message)}<p>${refusal.action}</p>`
      : html`${notice('The gateway failed.')}<p>Trace: ${traceId}</p>`,
  })
}
