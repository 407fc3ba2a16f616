import type { Scenario } from './scenario.ts'
import { clockSkewed } from './scenarios/clocks.ts'
import { commitRepliesCut, connectionsBlackHoled, connectionsTerminated } from './scenarios/connections.ts'
import { clusterKilled, embeddedKilled, nodeKilled } from './scenarios/kills.ts'
import { watcherPaused } from './scenarios/pauses.ts'
import { nodesRacing } from './scenarios/races.ts'

import { reorganised } from './scenarios/reorgs.ts'
import { rpcTrouble } from './scenarios/rpc.ts'
import { webhooksMistreated } from './scenarios/webhooks.ts'

/** All of them, in the order in which they are played. */
export const SCENARIOS: readonly Scenario[] = [
  nodeKilled,
  clusterKilled,
  embeddedKilled,
  connectionsTerminated,
  connectionsBlackHoled,
  commitRepliesCut,
  nodesRacing,
  watcherPaused,
  reorganised,
  rpcTrouble,
  clockSkewed,
  webhooksMistreated,
]
