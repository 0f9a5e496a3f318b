/** All routes of the REST face. */

import type { Route } from '../route.js'
import { accountRoutes } from './accounts.js'
import { approvalRoutes } from './approvals.js'
import { callRoutes } from './calls.js'
import { endpointRoutes } from './endpoints.js'
import { flagRoutes } from './flags.js'
import { gatewayRoutes } from './gateway.js'
import { mcpGatewayRoutes } from './gateways.js'
import { keyRoutes } from './keys.js'
import { listingRoutes } from './listings.js'
import { mcpServerRoutes } from './mcp-servers.js'
import { operatorRoutes } from './operator.js'
import { signInRoutes } from './sign-in.js'
import { signUpRoutes } from './sign-ups.js'
import { statementRoutes } from './statement.js'
import { subAccountRoutes } from './sub-accounts.js'
import { toolRoutes } from './tools.js'

export const routes: readonly Route[] = [
  ...endpointRoutes,
  ...callRoutes,
  ...listingRoutes,
  ...toolRoutes,
  ...keyRoutes,
  ...accountRoutes,
  ...subAccountRoutes,
  ...signUpRoutes,
  ...signInRoutes,
  ...operatorRoutes,
  ...mcpServerRoutes,
  ...statementRoutes,
  ...flagRoutes,
  ...mcpGatewayRoutes,
  ...approvalRoutes,
  ...gatewayRoutes,
]
