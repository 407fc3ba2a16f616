import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import Fastify from 'fastify'
import { cutUnreadAnswers } from '../../src/http/unread-answers.ts'

/** More than the kernel takes of an answer that nobody reads. */
const ANSWER = 'x'.repeat(16 * 1024 * 1024)

it('answers that nobody reads hold so many bytes together: the oldest are cut, and who reads is not', async () => {
  const http = Fastify()
  cutUnreadAnswers(http, 3 * ANSWER.length)
  http.get('/', () => ANSWER)
  const { port } = new URL(await http.listen({ host: '127.0.0.1', port: 0 }))
  const sockets: Socket[] = []
  /** @returns a connection on which an answer has begun, and is read no further */
  const ask = async (): Promise<Socket> => {
    const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined)
    sockets.push(socket)
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    await once(socket, 'readable')
    return socket
  }
  const readAll = async (socket: Socket): Promise<number> => {
    socket.resume()
    if (!socket.closed) await once(socket, 'close')
    return socket.bytesRead
  }
  try {
    const first = await ask()
    const second = await ask()
    for (let nth = 0; nth < 5; nth++) {
      assert.ok((await readAll(await ask())) > ANSWER.length, 'whoever reads gets everything, and cuts nobody')
    }
    const third = await ask()
    const fourth = await ask()
    assert.ok((await readAll(first)) < ANSWER.length, 'the oldest is cut')
    for (const socket of [second, third, fourth]) assert.ok((await readAll(socket)) > ANSWER.length)
  } finally {
    for (const socket of sockets) socket.destroy()
    await http.close()
  }
})
