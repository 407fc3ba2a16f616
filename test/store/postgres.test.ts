import { after, before } from 'node:test'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { startPostgres, type TestCluster } from '../support/postgres.ts'
import { type OpenedStore, storeContract } from './contract.ts'
import { T0 } from './rows.ts'

let cluster: TestCluster
before(async () => {
  cluster = await startPostgres()
})
after(() => cluster.stop())

async function openFresh(): Promise<OpenedStore> {
  const url = await cluster.createDatabase()
  const open = () => openPostgresStore({ url, clock: () => T0 })
  let store = await open()
  return {
    store,
    async reopen() {
      await store.close()
      store = await open()
      return store
    },
    destroy: () => store.close(),
  }
}

storeContract('PostgreSQL', openFresh)
