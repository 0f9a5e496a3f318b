/** All routes of the REST face. */

import type { Route } from '../route.js'
import { accountRoutes } from './accounts.js'
import { callRoutes } from './calls.js'
import { endpointRoutes } from './endpoints.js'
import { flagRoutes } from './flags.js'
import { gatewayRoutes } from './gateway.js'
import { keyRoutes } from './keys.js'
import { listingRoutes } from './listings.js'
import { statementRoutes } from './statement.js'

export const routes: readonly Route[] = [
  ...endpointRoutes,
  ...callRoutes,
  ...listingRoutes,
  ...keyRoutes,
  ...accountRoutes,
  ...statementRoutes,
  ...flagRoutes,
  ...gatewayRoutes,
]
