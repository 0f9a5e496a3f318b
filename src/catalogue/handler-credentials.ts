/**
 * What the handlers of tools are sent to know the gateway by. A secret is for one address of one
 * tool, sealed for exactly that, and stays when the tool moves on: its older versions still call it.
 */
import { Problem } from '#core/problem'
import type { Db, Tx } from '#store'
import { type Credential, type CredentialVault, openCredential, sealCredential } from '#upstreams'

/** A tool's handler at one address. */
type Handler = { sellerId: string; endpointId: string; url: string }

/** What may be shown of a handler's credential. */
export type HandlerSlot = { type: string; name: string | null }

type Row = HandlerSlot & { endpoint_id: string; url: string; sealed: Buffer }

const NONE: Credential = { type: 'none' }

/** The credential in clear, for `upstreams` alone. */
export async function handlerCredential(
  db: Db | Tx,
  vault: CredentialVault,
  handler: Handler,
): Promise<Credential> {
  const row = await db<Row>('handler_credentials').where(placeOf(handler)).first()
  return row ? openHandlerCredential(vault, handler, row.sealed) : NONE
}

/** @throws Error where it was sealed for another handler, or under another master key. */
export function openHandlerCredential(
  vault: CredentialVault,
  handler: Handler,
  sealed: Buffer,
): Credential {
  return openCredential(vault, ownerOf(handler), sealed)
}

/** What is known of the credentials of a tool, by the address that each is for. */
export async function handlerSlots(db: Db, endpointId: string): Promise<Map<string, HandlerSlot>> {
  const rows = await db<Row>('handler_credentials')
    .where({ endpoint_id: endpointId })
    .select('url', 'type', 'name')
  return new Map(rows.map(({ url, type, name }) => [url, { type, name }]))
}

/**
 * Sees to it that a handler gets its secret: the one that is given, else the one that it has, else
 * that of the address before, where that is on the same host.
 *
 * @param before the address of the tool's version before this one.
 * @throws Problem `invalid_request` where a secret would have to go to another host than before.
 */
export async function settleHandlerCredential(
  tx: Tx,
  vault: CredentialVault,
  handler: Handler,
  { given, before }: { given: Credential | undefined; before: string | undefined },
): Promise<void> {
  if (given) return put(tx, vault, handler, given)
  if (before === undefined || before === handler.url) return
  const own = await handlerCredential(tx, vault, handler)
  if (own.type !== 'none') return
  const former = await handlerCredential(tx, vault, { ...handler, url: before })
  if (former.type === 'none') return
  if (new URL(before).origin !== new URL(handler.url).origin) {
    const detail = 'The handler is on another host than before, where its secret does not go.'
    throw new Problem('invalid_request', detail, {
      action: 'Send handler_auth for this host; {"type": "none"} where it needs none.',
    })
  }
  await put(tx, vault, handler, former)
}

async function put(
  tx: Tx,
  vault: CredentialVault,
  handler: Handler,
  credential: Credential,
): Promise<void> {
  if (credential.type === 'none') {
    await tx('handler_credentials').where(placeOf(handler)).delete()
    return
  }
  const row: Row = {
    ...placeOf(handler),
    type: credential.type,
    name: 'name' in credential ? credential.name : null,
    sealed: sealCredential(vault, ownerOf(handler), credential),
  }
  await tx('handler_credentials').insert(row).onConflict(['endpoint_id', 'url']).merge()
}

function placeOf({ endpointId, url }: Handler) {
  return { endpoint_id: endpointId, url }
}

/** Binds the sealed record to whose it is and where it goes. */
function ownerOf({ sellerId, endpointId, url }: Handler): string {
  return `${sellerId}|${endpointId}|${url}`
}
