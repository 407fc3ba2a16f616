import { once } from 'node:events'
import { createServer } from 'node:net'
import { urlOf } from '../network.ts'
import { servePart } from '../part.ts'

/** A server that does nothing, not even read: it shows how fast the load generator can go. */

export type NothingPart = typeof handlers

const BODY = '{"id":"vch_019c00000000000000000000000000000000","code":"482916","status":"RESERVED"}'
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(ANSWER, 'latin1'))
  socket.on('error', () => socket.destroy())
})

const handlers = {
  start: async (_: null) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { url: urlOf(server.address()) }
  },
}

servePart(handlers)
