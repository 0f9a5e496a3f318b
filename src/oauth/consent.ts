/** What a person is asked before a program gets a token, and what their answer does. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Interaction, InteractionResults, Provider } from 'oidc-provider'
import { type Account, type Along, type LimitTerms, SCOPES, type Scope } from '#accounts'
import type { Clock } from '#core/clock'
import { clip, plainLine } from '#core/plain-text'
import { Problem } from '#core/problem'
import type { Person } from '#people'
import type { Grants } from './grants.js'
import { GRANT_LIFE_S } from './provider.js'
import type { Resources } from './resources.js'

const MAX_NAME_CHARS = 80

/** A program that wants to be let in. */
export type Consent = {
  clientId: string
  /** What it says it is called. */
  clientName: string
  /** The host whose document it is known by, if that is how it is known: this much is proven. */
  provenHost: string | undefined
  /** Where the person goes after deciding. */
  redirectUri: string
  resource: string
  scopes: readonly Scope[]
}

export type ConsentDesk = {
  /**
   * What the browser that asks is being asked, by the id in the address of the page.
   *
   * @throws Problem `not_found` in any other browser, and when it is too late.
   */
  asked(req: IncomingMessage, res: ServerResponse, uid: string): Promise<Consent>
  /** The person says yes, within scopes and limits. @returns where their browser goes. */
  allow(
    exchange: Exchange,
    yes: {
      person: Person
      account: Account
      scopes: readonly Scope[]
      limits: LimitTerms
      along?: Along
    },
  ): Promise<string>
  /** The person says no. @returns where their browser goes. */
  deny(exchange: Exchange): Promise<string>
}

type Exchange = { req: IncomingMessage; res: ServerResponse; uid: string }

type Deps = {
  clock: Clock
  grants: Grants
  resources: Resources
  provider(): Promise<Provider>
  asPublic(req: IncomingMessage): void
}

export function createConsentDesk(deps: Deps): ConsentDesk {
  async function interactionOf({ req, res, uid }: Exchange): Promise<Interaction> {
    deps.asPublic(req)
    const provider = await deps.provider()
    try {
      const interaction = await provider.interactionDetails(req, res)
      if (interaction.uid === uid) return interaction
    } catch (error) {
      if ((error as { name?: unknown }).name !== 'SessionNotFound') throw error
    }
    throw new Problem('not_found', 'Nothing is being asked here, or not any more.', {
      action: 'Go back to the program and connect it again.',
    })
  }

  async function consentIn({ params }: Interaction): Promise<Consent> {
    const clientId = String(params.client_id)
    const client = await clientNamed(clientId)
    const resource = deps.resources.audienceNamed(String(params.resource))
    if (!client || resource === undefined) throw new Problem('not_found', 'The program is gone.')
    const asked = String(params.scope).split(' ')
    const provenHost = /^https:\/\//.test(clientId) ? new URL(clientId).host : undefined
    return {
      clientId,
      clientName: clip(plainLine(client.clientName ?? '') || 'A program', MAX_NAME_CHARS),
      provenHost,
      redirectUri: String(params.redirect_uri),
      resource,
      scopes: SCOPES.filter((scope) => asked.includes(scope)),
    }
  }

  /** A client that is known by a document may be gone by now, or not answer. */
  async function clientNamed(clientId: string) {
    const { Client } = await deps.provider()
    return Client.find(clientId).catch((error: unknown) => {
      if ((error as { expose?: unknown }).expose === true) return undefined
      throw error
    })
  }

  async function finish({ req, res }: Exchange, result: InteractionResults): Promise<string> {
    const provider = await deps.provider()
    return provider.interactionResult(req, res, result, { mergeWithLastSubmission: false })
  }

  return {
    asked: async (req, res, uid) => consentIn(await interactionOf({ req, res, uid })),
    async allow(exchange, { person, account, scopes, limits, along }) {
      const interaction = await interactionOf(exchange)
      const { clientId, clientName, resource } = await consentIn(interaction)
      const { Grant } = await deps.provider()
      const grant = new Grant({ accountId: person.id, clientId })
      grant.addResourceScope(String(interaction.params.resource), scopes.join(' '))
      // The rest was asked for and not given; without this it would be asked for again.
      const rest = String(interaction.params.scope).split(' ')
      grant.rejectResourceScope(
        String(interaction.params.resource),
        rest.filter((scope) => !scopes.includes(scope as Scope)).join(' '),
      )
      const grantId = await grant.save()
      const expiresAtMs = deps.clock.now() + GRANT_LIFE_S * 1000
      const what = { clientId, clientName, resource, scopes, limits, expiresAtMs }
      await deps.grants.create({ ...what, account, grantId }, along)
      return finish(exchange, {
        login: { accountId: person.id, remember: false },
        consent: { grantId },
      })
    },
    async deny(exchange) {
      await interactionOf(exchange)
      return finish(exchange, {
        error: 'access_denied',
        error_description: 'The person said no.',
      })
    },
  }
}
