/** The person in the authorization scenarios: lets the runner's client in where it asks for it. */
import { aBrowser } from '../test/support/a-browser.js'

type Json = Record<string, unknown>

const EMAIL = 'person@example.com'
const PASSWORD = 'correct horse battery'

/** Opens an account with a person, and registers a client. @returns the client's id. */
export async function clientOf(
  issuer: string,
  operatorKey: string,
  redirectUri: string,
): Promise<string> {
  const { api_key } = await send(issuer, 'POST', '/v1/accounts', operatorKey, { name: 'Person' })
  await send(issuer, 'PUT', '/v1/me/sign-in', String(api_key), { email: EMAIL, password: PASSWORD })
  const registered = await send(issuer, 'POST', '/oauth/register', undefined, {
    client_name: 'Conformance runner',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
  })
  return String(registered.client_id)
}

/** Signs in, says yes, and takes the answer to the client that asked. */
export async function letIn(issuer: string, authorizeUrl: string): Promise<void> {
  const browser = aBrowser(issuer)
  const page = await browser.open(authorizeUrl.slice(issuer.length))
  const asked = await browser.send(page, { email: EMAIL, password: PASSWORD }, '/sign-in')
  const left = await browser.send(asked, { decision: 'allow' })
  if (!left.hasLeft) throw new Error(`The consent page answers ${left.status}: ${left.text}`)
  await fetch(left.url)
}

async function send(
  issuer: string,
  method: string,
  path: string,
  key: string | undefined,
  body: Json,
): Promise<Json> {
  const response = await fetch(issuer + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`)
  return text === '' ? {} : JSON.parse(text)
}
