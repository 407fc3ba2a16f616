import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../../test/support/free-port.ts'

/** What the machine lacks. Its message says what to do. */
export class Missing extends Error {
  override readonly name = 'Missing'
}

/** The nginx of this machine with the configuration that is shipped. */
export type Nginx = {
  url: string
  /** Where it takes calls without TLS. */
  plainUrl: string
  /** The certificate that it shows, as PEM. */
  certificateFile: string
  /** What it has logged of calls that are over, oldest first. */
  calls: () => Promise<LoggedCall[]>
  /** What it says of its own troubles. */
  errors: () => Promise<string>
  stop: () => Promise<void>
}

export type LoggedCall = {
  method: string
  path: string
  status: string
  /** The nodes that the call came to, in this order. */
  nodes: string[]
  requestId: string
}

const NGINX = 'nginx'
const SHIPPED = new URL('../nginx.conf', import.meta.url)

/** Long enough for one run. */
const CERTIFICATE_DAYS = 2

const STARTS_WITHIN_MS = 10_000
const POLL_MS = 25

/**
 * Starts nginx on free ports of 127.0.0.1.
 * @param home an empty directory for all that it writes
 * @param nodes host and port of each node
 * @throws Missing where nginx or openssl is not installed
 */
export async function startNginx(home: string, nodes: readonly [string, string]): Promise<Nginx> {
  // Its workers run as somebody else and only pass through.
  await chmod(home, 0o755)
  const files = {
    log: join(home, 'access.log'),
    errors: join(home, 'error.log'),
    certificate: join(home, 'certificate.pem'),
    key: join(home, 'key.pem'),
  }
  await makeCertificate(files)
  const [port, plainPort] = [await freePort(), await freePort()]
  const shipped = await readFile(SHIPPED, 'utf8')
  await writeFile(join(home, 'sixpence.conf'), here(shipped, { ...files, nodes, port, plainPort }))
  await writeFile(join(home, 'nginx.conf'), await aroundIt(home))
  const args = ['-p', home, '-c', join(home, 'nginx.conf'), '-e', files.errors]
  await run(NGINX, ['-t', ...args], 'apt-get install nginx-light')
  const server = spawn(NGINX, args, { stdio: 'inherit' })
  const ended = once(server, 'close')
  process.once('exit', () => server.kill('SIGTERM'))
  const plainUrl = `http://127.0.0.1:${plainPort}`
  await answers(plainUrl)
  return {
    url: `https://127.0.0.1:${port}`,
    plainUrl,
    certificateFile: files.certificate,
    calls: async () => (await readFile(files.log, 'utf8')).split('\n').filter(Boolean).map(readCall),
    errors: () => readFile(files.errors, 'utf8'),
    stop: async () => {
      server.kill('SIGTERM')
      await ended
    },
  }
}

type Here = {
  log: string
  certificate: string
  key: string
  nodes: readonly [string, string]
  port: number
  plainPort: number
}

/** The shipped configuration with the ports and paths of this run, and not a word else changed. */
function here(shipped: string, { log, certificate, key, nodes, port, plainPort }: Here): string {
  const replacements: [shipped: string, here: string][] = [
    ['server 127.0.0.1:4041 ', `server ${nodes[0]} `],
    ['server 127.0.0.1:4042 ', `server ${nodes[1]} `],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
    ['/etc/ssl/sixpence/fullchain.pem', certificate],
    ['/etc/ssl/sixpence/privkey.pem', key],
    ['/var/log/nginx/sixpence.log', log],
  ]
  return replacements.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`deploy/nginx.conf should say "${from}" once`)
    return text.replace(from, () => to)
  }, shipped)
}

/** What the distribution's own nginx.conf is to it. */
async function aroundIt(home: string): Promise<string> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  for (const name of temporary) await mkdir(join(home, name))
  return `daemon off;
worker_processes 2;
pid ${join(home, 'nginx.pid')};
events { worker_connections 1024; }
http {
${temporary.map((name) => `  ${name}_temp_path ${join(home, name)};`).join('\n')}
  include ${join(home, 'sixpence.conf')};
}
`
}

async function makeCertificate({ certificate, key }: { certificate: string; key: string }): Promise<void> {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  const files = ['-keyout', key, '-out', certificate, '-days', String(CERTIFICATE_DAYS)]
  await run('openssl', ['req', '-x509', ...curve, ...name, ...files], 'apt-get install openssl')
}

/** @throws Missing */
async function run(program: string, args: string[], install: string): Promise<void> {
  try {
    await promisify(execFile)(program, args)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Missing(`There is no ${program} here. Install it, such as with: ${install}`)
    }
    throw error
  }
}

async function answers(url: string): Promise<void> {
  const deadline = performance.now() + STARTS_WITHIN_MS
  for (;;) {
    try {
      await fetch(url, { redirect: 'manual' })
      return
    } catch (error) {
      if (performance.now() > deadline) throw new Error('nginx does not answer', { cause: error })
      await delay(POLL_MS)
    }
  }
}

function readCall(line: string): LoggedCall {
  const { nodes, ...call }: Omit<LoggedCall, 'nodes'> & { nodes: string } = JSON.parse(line)
  return { ...call, nodes: nodes.split(', ') }
}
