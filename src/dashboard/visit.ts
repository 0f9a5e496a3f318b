/**
 * One request of a browser: whose session it has, what its form says, and that the form is one of
 * ours. A form holds a token that is bound to a cookie of its browser, and comes from our own origin.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '#core/problem'
import { networkAddressOf, type People, type Person } from '#people'
import { type Html, html } from './html.js'

export type Visit = {
  req: IncomingMessage
  res: ServerResponse
  path: string
  query: URLSearchParams
  /** Who is signed in. */
  person: Person | undefined
  /** The token of their session. */
  token: string | undefined
  /** The network address that asks. */
  from: string
  /** A hidden field for a form of this browser. */
  formToken(): Html
  /** What the form says. @throws Problem `forbidden_origin` for a form that is not ours. */
  form(): Promise<URLSearchParams>
  /** Starts a session in this browser. */
  signIn(person: Person): Promise<void>
  /** Ends the session of this browser. */
  signOut(): Promise<void>
}

export type VisitDeps = {
  publicUrl: string
  people: Pick<People, 'sessions'>
  vault: { deriveKey(purpose: string): Buffer }
  readBody(req: IncomingMessage): Promise<Buffer>
}

export function createVisits(
  deps: VisitDeps,
): (req: IncomingMessage, res: ServerResponse) => Promise<Visit> {
  const { publicUrl, people } = deps
  const key = deps.vault.deriveKey('dashboard-forms')
  const isSecure = publicUrl.startsWith('https:')
  const prefix = isSecure ? '__Host-' : ''
  const names = { session: `${prefix}souk_session`, form: `${prefix}souk_form` }

  return async (req, res) => {
    const cookies = cookiesOf(req)
    const url = new URL(req.url ?? '/', publicUrl)
    const token = cookies.get(names.session)
    const person = await people.sessions.personOf(token)
    let formCookie = cookies.get(names.form)
    const signed = (bound: string) => createHmac('sha256', key).update(bound).digest()
    /** A session's forms are bound to it, others to a cookie that means nothing else. */
    const expected = () => signed(person ? `session:${token}` : `form:${formCookie ?? ''}`)

    return {
      ...{ req, res, person, token, path: url.pathname, query: url.searchParams },
      from: networkAddressOf(req),
      formToken() {
        if (!person && formCookie === undefined) {
          formCookie = randomBytes(16).toString('base64url')
          setCookie(names.form, formCookie)
        }
        const value = expected().toString('base64url')
        return html`<input type="hidden" name="csrf" value="${value}">`
      },
      async form() {
        const fields = await readForm()
        const given = Buffer.from(fields.get('csrf') ?? '', 'base64url')
        const wanted = expected()
        const isOurs = given.length === wanted.length && timingSafeEqual(given, wanted)
        if (isOurs && isOwnOrigin(req, publicUrl)) return fields
        throw new Problem('forbidden_origin', 'This form is too old, or not of this site.', {
          action: 'Go back, load the page again and send it once more.',
        })
      },
      async signIn({ id }) {
        if (token !== undefined) await people.sessions.end(token)
        setCookie(names.session, await people.sessions.start(id))
      },
      async signOut() {
        if (token !== undefined) await people.sessions.end(token)
        setCookie(names.session, '', 'Max-Age=0')
      },
    }

    async function readForm(): Promise<URLSearchParams> {
      const type = req.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
      if (type !== 'application/x-www-form-urlencoded') {
        throw new Problem('unsupported_media_type', 'Send the form of the page.')
      }
      const fields = new URLSearchParams((await deps.readBody(req)).toString())
      // PostgreSQL stores no NUL, and no form has one.
      if ([...fields.values()].some((value) => value.includes('\u0000'))) {
        throw new Problem('invalid_request', 'The form must not contain the character NUL.')
      }
      return fields
    }

    function setCookie(name: string, value: string, ...more: string[]): void {
      const flags = [...(isSecure ? ['Secure'] : []), 'Path=/', 'HttpOnly', 'SameSite=Lax', ...more]
      res.appendHeader('set-cookie', [`${name}=${value}`, ...flags].join('; '))
    }
  }
}

/** Browsers say where a form is from. Another port of this machine is another site, too. */
function isOwnOrigin({ headers }: IncomingMessage, publicUrl: string): boolean {
  const { origin, host } = headers
  if (origin === undefined) return true
  const { protocol } = new URL(publicUrl)
  return origin === publicUrl || origin === `${protocol}//${host}`
}

function cookiesOf({ headers }: IncomingMessage): Map<string, string> {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
  return new Map(pairs.map(([name = '', ...value]) => [name, value.join('=')]))
}
