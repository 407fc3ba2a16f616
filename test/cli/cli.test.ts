import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { callAgain, storeFlags } from '../../src/commands/hints.ts'
import { describeServing } from '../../src/commands/serve.ts'
import { readConfig } from '../../src/config.ts'
import { sandboxNetwork } from '../../src/networks.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram, startProgram, urlOf } from '../support/program.ts'
import { callerOf, newParties, redeem, withToken } from '../support/server.ts'

const ROOT = join(import.meta.dirname, '../..')

async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sixpence-cli-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const COMMANDS = [[], ['serve'], ['demo'], ['move'], ['keys', 'create']]

test('commands have --help and --version, and both end with 0', async () => {
  const asked = COMMANDS.map(async (command) => {
    const [help, version] = await Promise.all([
      runProgram([...command, '--help']),
      runProgram([...command, '--version']),
    ])
    assert.equal(help.code, 0)
    assert.match(help.said, /Usage: sixpence/)
    assert.deepEqual(
      [version.code, /^\d+\.\d+\.\d+\n$/.test(version.said)],
      [0, true],
      `${command.join(' ')}: ${version.said}`,
    )
  })
  await Promise.all(asked)
})

test('what is wrong is said in one line, ends with 2, and starts nothing', async (t) => {
  const dataDir = join(await tempDir(t), 'data')
  const file = join(await tempDir(t), 'config.json')
  await writeFile(file, '{"networks":[{"name":"atlantis"}]}')
  const wrong: [string[], Record<string, string>][] = [
    [['serve', '--sandbox', '--nonsense'], {}],
    [['serve', '--sandbox', '--port', '70000'], {}],
    [['serve', '--sandbox', '--reserve-ttl', 'soon'], {}],
    [['serve', '--sandbox'], { SIXPENCE_RATE_LIMITS: 'few' }],
    [['serve', '--sandbox'], { SIXPENCE_PROT: '1' }],
    [['serve', '--config', file], {}],
    [['serve', '--config', `${file}.missing`], {}],
    [['serve'], {}],
    [['fly'], {}],
    [['keys', 'create'], {}],
  ]
  const refused = wrong.map(async ([args, env]) => {
    const { code, said } = await runProgram(args, { SIXPENCE_DATA: dataDir, ...env })
    assert.equal(code, 2, `${args.join(' ')}: ${said}`)
    assert.match(said, /^(Sixpence \S+ is starting\.\n)?error: [^\n]+\n$/, args.join(' '))
  })
  await Promise.all(refused)
  await assert.rejects(stat(dataDir), 'nothing was made')
})

test('a port that is taken is said in one line, with the flag that chooses another', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const port = String((taken.address() as AddressInfo).port)
  const dataDir = await tempDir(t)
  for (const [flag, other] of [
    ['--port', '--chain-port'],
    ['--chain-port', '--port'],
  ] as const) {
    const ports = [flag, port, other, String(await freePort())]
    const { code, said } = await runProgram(['serve', '--sandbox', '--data', dataDir, ...ports])
    assert.equal(code, 1)
    const error = new RegExp(`\nerror: Port ${port} on 127.0.0.1 is taken by another program.* with ${flag}\\.\n$`)
    assert.match(said, error)
  }
})

test('the sandbox runs, refuses a second owner, keeps payments over a restart, and ends with its chain', async (t) => {
  const dataDir = await tempDir(t)
  const chainPort = await freePort()
  const args = ['serve', '--sandbox', '--data', dataDir, '--port', '0', '--chain-port', String(chainPort)]
  const first = startProgram(args)
  t.after(() => first.end('SIGKILL'))
  const url = await urlOf(first)
  const steps = ['the store in', 'the sandbox chain', 'its tokens', 'the server'].map((step) => `starting +${step}`)
  await first.says(new RegExp(`^${['Sixpence \\S+ is starting', ...steps, 'Sixpence \\S+ is up'].join('.*\n')}`))
  await first.says(new RegExp(`Next, in another terminal: npm run sixpence -- demo --url ${url}\n`))

  const second = await runProgram(args)
  assert.equal(second.code, 1)
  assert.match(second.said, /\nerror: The data directory .* is in use by another Sixpence \(process \d+.*\)\..*\n$/)

  const demo = await runProgram(['demo', '--url', url, '--rpc', `http://127.0.0.1:${chainPort}`])
  assert.equal(demo.code, 0, demo.said)
  assert.match(demo.said, /EURC +\d+ → \d+ +\(\+100\)/)
  assert.match(demo.said, /USDC +\d+ → \d+ +\(\+50\)/)

  const parties = await newParties(url)
  const { id } = await redeem(parties, {
    expectedPayment: {
      currency: 'EURC',
      amount: '7',
      wallet: { address: '0x00000000000000000000000000000000000b0b00' },
    },
  })
  assert.equal((await stat(join(dataDir, 'secrets.json'))).mode & 0o777, 0o600)
  assert.equal(await first.end('SIGINT'), 0)

  const again = startProgram(args)
  t.after(() => again.end('SIGKILL'))
  const payee = withToken(await urlOf(again), parties.payeeToken)
  const found = await payee.get<VoucherView>(`/vouchers/${id}`)
  assert.deepEqual([found.status, found.body.status], [200, 'REDEEMED'], 'tokens and vouchers outlive a restart')
  const replay = await runProgram([
    ...['demo', '--url', await urlOf(again), '--rpc', `http://127.0.0.1:${chainPort}`, '--one-signature'],
  ])
  assert.match(replay.said, /signs 2 payments with one signature +→ 0x[0-9a-f]{64}\n/)
  assert.match(replay.said, /EURC +1000100 → 1000200 +\(\+100\)/, 'the chain remembers the payments of the first run')
  assert.equal(await again.end('SIGTERM'), 0)
  await assert.rejects(fetch(`http://127.0.0.1:${chainPort}`), 'the chain ends with the server')
})

test('the demo plays against the server at the usual place, or starts one of its own', async () => {
  const { code, said } = await runProgram(['demo', '--fx'])
  assert.equal(code, 0, said)
  assert.match(said, /signs "Swap about [0-9.]+ USDC, at most [0-9.]+, for 100 EURC to /)
  assert.match(said, /signs "Swap about [0-9.]+ POL, at most [0-9.]+, for 50 USDC to /)
  assert.match(said, /EURC .*\(\+100\)\n +USDC .*\(\+50\)/, 'the payee gets exactly what it asked')
  assert.match(said, /RESOLVED/)
  assert.match(said, /CONFIRMED, 3 of 3 confirmations/)
})

test('what the server says as it starts shows of the URLs of nodes nothing but their hosts', () => {
  const rpcUrls = ['https://user:secret@node.example:8443/v3/secret?key=secret', 'https://other.example/secret']
  const networks = [{ ...sandboxNetwork({ rpcUrl: 'http://127.0.0.1:1' }), rpcUrls }]
  const config = readConfig({ flags: { sandbox: true }, env: {}, readFile: () => '' })
  const url = 'http://127.0.0.1:4040'
  const serving = { url, rpcUrl: rpcUrls[0] ?? null, networks, relayers: new Map(), stop: async () => undefined }
  const said = describeServing(serving, config).join('\n')
  assert.match(said, /asks node\.example:8443, other\.example$/m)
  assert.match(said, /^chain {6}https:\/\/node\.example:8443 /m)
  assert.doesNotMatch(said, /secret/)
})

test('without the packages of the sandbox all but the sandbox runs, and the sandbox says what to install', async (t) => {
  const dataDir = await tempDir(t)
  const env = { NODE_OPTIONS: `--import ${new URL('without-sandbox.mjs', import.meta.url)}` }
  const { code, said } = await runProgram(['serve', '--sandbox', '--data', dataDir], env)
  assert.equal(code, 1)
  assert.match(
    said,
    /\nerror: The sandbox needs packages .*@foundry-rs\/anvil, .*canonical-weth.*: npm install --include=optional\n$/,
  )

  const file = join(dataDir, 'config.json')
  await writeFile(file, '{"networks":[{"name":"polygon"}]}')
  const server = startProgram(['serve', '--config', file, '--data', dataDir, '--port', '0'], env)
  t.after(() => server.end('SIGKILL'))
  assert.equal((await fetch(`${await urlOf(server)}/healthz`)).status, 200)
})

test('the next step is said as it is to be typed where the program was started', () => {
  const script = '/opt/six pence/node_modules/.bin/sixpence'
  const calls = ['/opt/six pence', '/opt/six pence/node_modules/.bin', '/srv', ROOT].map((folder) =>
    callAgain({ folder, script }),
  )
  assert.deepEqual(calls, ['./node_modules/.bin/sixpence', './sixpence', `'${script}'`, 'npm run sixpence --'])
  assert.equal(storeFlags({ dataDir: './production', databaseUrl: null }), ' --data ./production')
  assert.equal(storeFlags({ dataDir: './data', databaseUrl: null }), '')
  assert.equal(storeFlags({ dataDir: './data', databaseUrl: 'postgres://user:secret@db/pay' }), ' --database-url …')
})

test('keys are made, listed and revoked, with the server running and without, and never in a new store', async (t) => {
  const folder = await tempDir(t)
  const dataDir = join(folder, 'data')
  const file = join(folder, 'config.json')
  await writeFile(file, '{"networks":[{"name":"polygon"}]}')
  const keys = (...args: string[]) => runProgram(['keys', ...args, '--data', dataDir])

  for (const args of [['create', '--name', 'corner shop'], ['list'], ['revoke', 'key_1']]) {
    const { code, said } = await keys(...args)
    assert.equal(code, 1)
    assert.match(said, new RegExp(`^error: There is no Sixpence store in ${dataDir}\\. .*--data.*\n$`))
  }
  await assert.rejects(stat(dataDir), 'nothing was made')

  const server = startProgram(['serve', '--config', file, '--data', dataDir, '--port', '0'])
  t.after(() => server.end('SIGKILL'))
  const url = await urlOf(server)
  await server.says(new RegExp(`npm run sixpence -- keys create --name shop --data ${dataDir}\n`))
  const made = await keys('create', '--name', 'corner shop')
  const [key = ''] = /^sxp_\S+/.exec(made.said) ?? []
  assert.notEqual(key, '', made.said)
  const shop = callerOf(url, { 'x-api-key': key })
  const { context } = await newParties(url)
  assert.equal((await shop.post('/vouchers/reserve-voucher', { code: context.code })).status, 200)

  const online = await keys('create', '--name', 'second till\u202e\u200b" live')
  assert.equal(online.code, 0, online.said)
  const list = await keys('list')
  assert.match(list.said, /corner shop/)
  assert.match(list.said, /"second till live"\n/, 'a name is shown in quotes, and steers no terminal')
  assert.equal(list.said.includes(key), false, 'a key is shown once')

  const [keyId = ''] = /key_\w+(?=.*corner shop)/.exec(list.said) ?? []
  assert.equal((await keys('revoke', keyId)).code, 0)
  assert.equal((await shop.get('/vouchers')).status, 401)
  assert.equal((await keys('revoke', 'key_nonsense')).code, 1)
  await server.end('SIGTERM')
  assert.match((await keys('list')).said, /revoked .*corner shop/)
})
