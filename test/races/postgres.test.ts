import { runOn } from '../support/nodes.ts'
import { twoNodesOnPostgres } from '../support/postgres-nodes.ts'

runOn(twoNodesOnPostgres)
await import('./races.ts')
