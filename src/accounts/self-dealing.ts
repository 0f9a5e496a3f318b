/**
 * Whether buyer and seller are the same party, so that what one says of the other proves nothing:
 * such calls are neither rated nor measured. An account is all that is known of a party today;
 * parents and paying addresses belong here once accounts have them.
 */
export function isSelfDealing(buyerId: string, sellerId: string): boolean {
  return buyerId === sellerId
}
