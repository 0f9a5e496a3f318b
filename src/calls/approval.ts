/** Whether a person must have agreed to a call before it is made. */
import type { Offer } from '#catalogue'
import { Problem } from '#core/problem'

/** @throws Problem `approval_required` for an endpoint whose seller asks for it. */
export function refuseUnapproved(offer: Offer): void {
  if (!offer.definition.requires_approval) return
  throw new Problem('approval_required', `${offer.endpointId} may only be called with approval.`, {
    action: 'Choose an endpoint that does not require approval.',
  })
}
