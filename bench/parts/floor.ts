import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { DatabaseSync } from 'node:sqlite'
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
 * statements in the same group commit; as many rows, as large) and sends answers of the same size. The rest is left out:
 * it looks at no header and no body, reads nothing before it writes, decides nothing and builds no views.
 */

export type FloorPart = typeof handlers

const VOUCHER_PATH = /(vch_[0-9a-f]+)(\/redeem-voucher)?$/

let stop = async (): Promise<void> => undefined

const handlers = {
  start: async ({ dataDir }: { dataDir: string }): Promise<{ url: string }> => {
    const db = openDatabase(dataDir)
    const answer = await answererOn(db)
    const server = createServer((request, response) => {
      request.on('end', () => void answer(request).then((body) => send(response, body)))
      request.resume()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    stop = async () => {
      server.close().closeAllConnections()
      closeDatabase(db, dataDir)
    }
    return { url: urlOf(server.address()) }
  },
}

async function answererOn(db: DatabaseSync): Promise<(request: IncomingMessage) => Promise<string>> {
  const sql = new Statements(db)
  const answers = new Answers(sql)
  const groups = new GroupCommit(db)
  const commit = (change: Change) => groups.enqueue(() => applyChange(sql, answers, change, Date.now()))
  let requests = 0
  await commit(FIRST_CHANGE)

  return async ({ method, url = '' }) => {
    requests += 1
    const [, voucherId, redeem] = VOUCHER_PATH.exec(url) ?? []
    if (method === 'GET') {
      const row = sql.get('SELECT body FROM vouchers WHERE id = ?', voucherId ?? '')
      return row === null ? '' : textOf(row, 'body')
    }
    const { change, answer } = redeem && voucherId ? redemption(voucherId, requests) : reservation(requests)
    await commit(change)
    return answer
  }
}

function send(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
}

servePart(handlers, () => stop())
