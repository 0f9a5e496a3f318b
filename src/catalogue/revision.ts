/** What the catalogue counts, so that the gateways on one database can follow one another. */

/** Counts the changes of listings. */
export const CATALOGUE = 'catalogue_revision'
/** Counts the writings of standings. */
export const STANDINGS = 'standings_revision'
