/** An outcome as both faces show it; they differ only in how much of the body they carry. */
import { formatUsdc } from '#core/money'
import { Problem } from '#core/problem'
import { renderBody } from './body.js'
import type { Outcome } from './call.js'

type ShownOutcome = Record<string, unknown>

/**
 * @param bodyLimitBytes past it the body is cut.
 * @param publicUrl where this gateway is reached, for the address of the whole body.
 */
export function showOutcome(
  outcome: Outcome,
  options: { bodyLimitBytes: number; publicUrl: string },
): ShownOutcome {
  const bodyUrl = `${options.publicUrl}/v1/calls/${outcome.callId}/body`
  return {
    ...outcomeProblem(outcome)?.toJSON(),
    call_id: outcome.callId,
    endpoint_id: outcome.endpointId,
    version: outcome.version,
    ...(outcome.latestVersion !== undefined && { latest_version: outcome.latestVersion }),
    outcome: outcome.outcome,
    status: outcome.status,
    ...renderBody(outcome.body, options.bodyLimitBytes, bodyUrl),
    charge: {
      amount: formatUsdc(outcome.charge),
      fee: formatUsdc(outcome.fee),
      total: formatUsdc(outcome.total),
    },
    balance: formatUsdc(outcome.balance),
    receipt: outcome.receipt?.jws ?? null,
    receipt_id: outcome.receipt?.id ?? null,
    ...(outcome.replayed && { idempotent_replay: true }),
  }
}

/** The refusal inside an outcome that was not delivered. */
export function outcomeProblem({ fault, outcome }: Outcome): Problem | undefined {
  if (!fault) return undefined
  const { code, message, retryAfterMs } = fault
  return new Problem(code, message, {
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    // It never reached the provider: there is nothing to blame on it.
    ...(outcome === 'failed' && { action: 'Send it again; its idempotency key is free.' }),
  })
}
