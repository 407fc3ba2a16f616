import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { openPostgresStore } from '../../src/store/postgres.ts'
import { Answers } from '../../src/store/sqlite/answers.ts'
import { applyChange } from '../../src/store/sqlite/apply.ts'
import { GroupCommit } from '../../src/store/sqlite/group-commit.ts'
import { closeDatabase, openDatabase } from '../../src/store/sqlite/open.ts'
import { Statements, textOf } from '../../src/store/sqlite/statements.ts'
import type { Change } from '../../src/store/store.ts'
import { FIRST_CHANGE, redemption, reservation } from '../floor-rows.ts'
import { urlOf } from '../network.ts'
import { servePart } from '../part.ts'

/**
 * The floor: what the same work costs a bare `node:http` server. It writes what the real server writes (the same
 * statements in the same commits; as many rows, as large) and sends answers of the same size. The rest is left out:
 * it looks at no header and no body, reads nothing before it writes, decides nothing and builds no views.
 */

export type FloorPart = typeof handlers

/** Where the floor writes: the embedded store's own statements, or the one that PostgreSQL gets. */
type Memory = {
  commit(change: Change): Promise<void>
  voucherBody(id: string): Promise<string>
  close(): Promise<void>
}

const VOUCHER_PATH = /(vch_[0-9a-f]+)(\/redeem-voucher)?$/

let stop = async (): Promise<void> => undefined

const handlers = {
  /** @param place.databaseUrl null: the embedded store in `dataDir` */
  start: async (place: { dataDir: string; databaseUrl: string | null }): Promise<{ url: string }> => {
    const memory = place.databaseUrl === null ? embedded(place.dataDir) : await shared(place.databaseUrl)
    await memory.commit(FIRST_CHANGE)
    const answer = answererOn(memory)
    const server = createServer((request, response) => {
      request.on(
        'end',
        () =>
          void answer(request).then(
            (body) => send(response, 200, body),
            () => send(response, 503, ''),
          ),
      )
      request.resume()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stop = async () => {
      server.close().closeAllConnections()
      await memory.close()
    }
    return { url: urlOf(server.address()) }
  },
}

function embedded(dataDir: string): Memory {
  const db = openDatabase(dataDir)
  const sql = new Statements(db)
  const answers = new Answers(sql)
  const groups = new GroupCommit(db)
  return {
    commit: (change) => groups.enqueue(() => applyChange(sql, answers, change, Date.now())),
    voucherBody: async (id) => {
      const row = sql.get('SELECT body FROM vouchers WHERE id = ?', id)
      return row === null ? '' : textOf(row, 'body')
    },
    close: async () => closeDatabase(db, dataDir),
  }
}

async function shared(url: string): Promise<Memory> {
  const store = await openPostgresStore({ url })
  return {
    commit: (change) => store.commit(change),
    voucherBody: async (id) => JSON.stringify(await store.voucher(id)),
    close: () => store.close(),
  }
}

function answererOn(memory: Memory): (request: IncomingMessage) => Promise<string> {
  let requests = 0
  return async ({ method, url = '' }) => {
    requests += 1
    const [, voucherId, redeem] = VOUCHER_PATH.exec(url) ?? []
    if (method === 'GET') return memory.voucherBody(voucherId ?? '')
    const { change, answer } = redeem && voucherId ? redemption(voucherId, requests) : reservation(requests)
    await memory.commit(change)
    return answer
  }
}

function send(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body)
}

servePart(handlers, () => stop())
