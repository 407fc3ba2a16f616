import { startTestServer, type TestServer, type TestServerOptions } from './server.ts'

/** Servers on one store. Their calls may come to any of them. Who restarts one puts it in its place. */
export type Nodes = { servers: TestServer[]; stop: () => Promise<void> }

type StartNodes = (options: TestServerOptions) => Promise<Nodes>

let start: StartNodes = async (options) => nodesOf([await startTestServer(options)])

/** Servers that run until all of them are stopped, last `afterwards`. */
export function nodesOf(servers: TestServer[], afterwards: () => Promise<void> = async () => undefined): Nodes {
  const nodes = {
    servers,
    stop: async () => {
      for (const server of nodes.servers) await server.stop()
      await afterwards()
    },
  }
  return nodes
}

/** Chooses what the suites that are imported after this run on; one server with the embedded store is the default. */
export function runOn(other: StartNodes): void {
  start = other
}

export function startNodes(options: TestServerOptions = {}): Promise<Nodes> {
  return start(options)
}
