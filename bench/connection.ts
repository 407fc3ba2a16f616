import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export type HttpAnswer = { status: number; body: string }

const HEADERS_END = '\r\n\r\n'
const CONTENT_LENGTH = /content-length: *(\d+)/i
const STATUS_START = 'HTTP/1.1 '.length

/**
 * A keep-alive HTTP/1.1 connection that sends one request after the other. It reads just enough of an answer to know its
 * status, its body and where it ends: the load generator shares the machine with the server that it measures.
 */
export class Connection {
  readonly #socket: Socket
  #received = ''
  #waiting: PromiseWithResolvers<HttpAnswer> | null = null

  static async open(url: string): Promise<Connection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#read(text))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')))
  }

  /** @param request a whole request, in ASCII */
  send(request: string): Promise<HttpAnswer> {
    this.#waiting = Promise.withResolvers()
    this.#socket.write(request, 'latin1')
    return this.#waiting.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(text: string): void {
    this.#received += text
    const bodyStart = this.#received.indexOf(HEADERS_END) + HEADERS_END.length
    if (bodyStart < HEADERS_END.length) return
    const bodyLength = Number(CONTENT_LENGTH.exec(this.#received)?.[1])
    if (this.#received.length < bodyStart + bodyLength) return
    const status = Number(this.#received.slice(STATUS_START, STATUS_START + 3))
    const body = this.#received.slice(bodyStart)
    this.#received = ''
    this.#waiting?.resolve({ status, body })
  }
}
