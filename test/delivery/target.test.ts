import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPublicAddress } from '../../src/delivery/webhooks/addresses.ts'
import { findTarget, urlFault } from '../../src/delivery/webhooks/target.ts'

const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '192.0.1.1', '223.255.255.255', '2a00:1450::1']

/** Ends and insides of everything that is not global unicast. */
const NOT_PUBLIC = [
  '0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254',
  '168.63.129.16 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1',
  '198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255',
  ':: ::1 ::127.0.0.1 ::8.8.8.8 100::1 64:ff9b:1::8.8.8.8 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1',
  '2001::1 2001:0:808:808:0:0:f7f7:f7f7 2001:2::1 2001:10::1 2001:db8::1 3fff::1 4000::1 5f00::1',
  '2002:7f00:1::1 2002:808:808::1 ::ffff:127.0.0.1 ::ffff:a9fe:a9fe ::ffff:10.1.2.3 64:ff9b::10.0.0.1',
  '64:ff9b::a9fe:a9fe fe80::1%eth0 2a00:1450::1%eth0 localhost 127.1 0x7f.0.0.1 [::1]',
].flatMap((line) => line.split(' '))

/** Spellings of private places; the URL parser brings some into one form and refuses others. */
const INSIDE = [
  '127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7F.1 017700000001 0177.0.0.1 0x7f.0x0.0x0.0x1 127.0.0.0x1',
  '127.0.0.1. 127.0.0.1%2e %31%32%37.0.0.1 ①②⑦.⓪.⓪.① 127。0。0。1 0 0.0.0.0 00000000 4294967295',
  '10.0.0.1 167772161 192.168.1.1 0xC0A80101 172.16.0.1 100.64.0.1 169.254.169.254 2852039166 0xa9fea9fe',
  '[::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::FFFF:7F00:1] [0:0:0:0:0:ffff:7f00:1] [::127.0.0.1]',
  '[2002:7f00:0001::] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [fe80::1] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1]',
  '[fe80::1%25eth0] [fe80::1%eth0] [::1%25lo]',
].flatMap((line) => line.split(' '))

const resolvesTo =
  (...addresses: string[]) =>
  async () =>
    addresses

const never = new AbortController().signal

async function reach(url: string, allow: string[], lookup = resolvesTo('8.8.8.8')): Promise<string[] | string> {
  try {
    return (await findTarget(url, { allow, lookup }, never)).addresses
  } catch (error) {
    return error instanceof Error ? error.message : 'thrown'
  }
}

const OUTSIDE = /not, or does not resolve to, a public address/

describe('A public address', () => {
  it('is global unicast', () => {
    for (const address of [...PUBLIC, '::ffff:8.8.8.8', '64:ff9b::8.8.8.8']) {
      assert.equal(isPublicAddress(address), true, address)
    }
  })

  it('is none of the reserved ones, nor what is no address', () => {
    for (const address of NOT_PUBLIC) assert.equal(isPublicAddress(address), false, address)
  })
})

describe('A webhook URL', () => {
  it('is refused at once where it spells a private place in any way', async () => {
    for (const host of INSIDE) {
      const url = `https://${host}/hook`
      assert.notEqual(urlFault(url, { allow: [] }), null, url)
      assert.equal(typeof (await reach(url, [])), 'string', url)
    }
  })

  it('is https with a host and nothing that signs in', () => {
    for (const url of ['', 'shop', 'ftp://shop.example/', 'http://shop.example/', 'https://', 'file:///etc/passwd']) {
      assert.notEqual(urlFault(url, { allow: [] }), null, url)
    }
    assert.match(urlFault('https://user@shop.example/', { allow: [] }) ?? '', /user name/)
    assert.match(urlFault('https://:password@shop.example/', { allow: [] }) ?? '', /password/)
    assert.match(urlFault('http://8.8.8.8/', { allow: [] }) ?? '', /https/)
    assert.equal(urlFault('https://shop.example:8443/hook?a=b', { allow: [] }), null)
    assert.equal(urlFault('https://8.8.8.8/hook', { allow: [] }), null)
  })

  it('leads to all addresses of its name or to none', async () => {
    const url = 'https://shop.example/'
    assert.deepEqual(await reach(url, [], resolvesTo('8.8.8.8', '2a00:1450::1')), ['8.8.8.8', '2a00:1450::1'])
    for (const inside of ['127.0.0.1', '::1', '169.254.169.254', '::ffff:10.0.0.1', 'fe80::1%eth0', 'shop.internal']) {
      assert.match(`${await reach(url, [], resolvesTo('8.8.8.8', inside))}`, OUTSIDE, inside)
    }
    assert.match(`${await reach(url, [], resolvesTo())}`, OUTSIDE)
  })

  it('knows localhost without asking anybody', async () => {
    for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'shop.localhost']) {
      await assert.rejects(findTarget(`https://${host}/`, { allow: [] }, never), OUTSIDE, host)
      const { addresses } = await findTarget(`http://${host}/`, { allow: ['127.0.0.0/8', '::1'] }, never)
      assert.deepEqual(addresses, ['127.0.0.1', '::1'])
    }
  })
})

describe('What the operator allows', () => {
  const inside = resolvesTo('10.1.2.3')
  const isReached = async (url: string, allow: string[], lookup = inside) =>
    Array.isArray(await reach(url, allow, lookup))

  it('is a host by its name, in any case, by http too', async () => {
    assert.equal(await isReached('http://shop.internal/', ['shop.internal']), true)
    assert.equal(await isReached('https://SHOP.internal./', ['Shop.Internal']), true)
    assert.equal(await isReached('http://shop.internal:9000/', ['shop.internal']), true)
    assert.equal(await isReached('https://other.internal/', ['shop.internal']), false)
    assert.equal(await isReached('https://shop.internal.example/', ['shop.internal']), false)
  })

  it('is one port where it names one', async () => {
    for (const entry of ['shop.internal:9000', '10.1.2.3:9000']) {
      assert.equal(await isReached('http://shop.internal:9000/', [entry]), true, entry)
      assert.equal(await isReached('http://shop.internal:9001/', [entry]), false, entry)
      assert.equal(await isReached('http://shop.internal/', [entry]), false, entry)
    }
    assert.equal(await isReached('http://[fd00::1]:9000/', ['[fd00::1]:9000']), true)
    assert.equal(await isReached('http://shop.internal/', ['shop.internal:80']), true)
    assert.equal(await isReached('https://shop.internal/', ['shop.internal:443']), true)
  })

  it('is an address or a network, in any spelling', async () => {
    assert.equal(await isReached('http://10.1.2.3/', ['10.1.2.3']), true)
    assert.equal(await isReached('http://167838211/', ['10.1.2.3']), true)
    assert.equal(await isReached('http://[::ffff:10.1.2.3]/', ['10.0.0.0/8']), true)
    assert.equal(await isReached('http://shop.internal/', ['10.0.0.0/8']), true)
    assert.equal(await isReached('http://11.0.0.1/', ['10.0.0.0/8']), false)
    assert.equal(await isReached('http://[fd00::1]/', ['fd00::/8']), true)
    assert.equal(await isReached('http://[fe80::1]/', ['fd00::/8', 'fd00::1']), false)
  })

  it('is nothing where an entry says nothing', async () => {
    for (const entry of [
      '',
      '/',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/x',
      'fd00::/129',
      ':80',
      '*',
      'http://10.1.2.3',
    ]) {
      assert.equal(await isReached('http://10.1.2.3/', [entry]), false, entry)
    }
  })

  it('takes nothing from what is public', async () => {
    assert.equal(await isReached('https://shop.example/', ['10.0.0.0/8'], resolvesTo('8.8.8.8')), true)
    assert.match(`${await reach('http://shop.example/', ['10.0.0.0/8'], resolvesTo('8.8.8.8'))}`, /https/)
  })
})
