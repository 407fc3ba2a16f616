import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { amountInWords, readKeyed, readTypedAmount } from '../../src/web/register/typed-amount.ts'
import { onlyShown } from '../../src/web/wallet/shown.ts'

describe('an amount as people type it', () => {
  for (const [typed, read] of [
    ['24,80', '24.80'],
    ['24.8', '24.8'],
    ['1 234,5', '1234.5'],
    ['1,234.50', '1234.50'],
    ['1.234,50', '1234.50'],
    ['1,234,567', '1234567'],
    ['1.234.567,8', '1234567.8'],
    ['0,125', '0.125'],
    ['1,2340', '1.2340'],
    ['1234,567', '1234.567'],
    ['.5', '0.5'],
    ['007.', '7'],
  ] as const) {
    it(`reads ${typed} as ${read}`, () => assert.equal(readTypedAmount(typed), read))
  }

  it('is refused where it can be read in two ways, with both', () => {
    for (const typed of ['1.234', '1,234', ' 12,345 ', '999.000']) {
      const read = readTypedAmount(typed)
      assert.ok(typeof read === 'object', typed)
      assert.match(read.why, /can be read in two ways\. Write \d+ .* or \d+\.\d{3}0 /)
    }
    assert.equal(readKeyed('1,234'), '1.234', 'while it is keyed in nothing is decided')
  })

  it('makes no amount of what is none', () => {
    for (const typed of ['1,2,3', '1.23.456', '1,23.4,5', '12,34,567.8']) {
      assert.ok(!/^\d+(\.\d+)?$/.test(`${readTypedAmount(typed)}`), typed)
    }
  })

  it('is said in words', () => {
    assert.equal(amountInWords('1234.5', 'EURC'), '1\u202f234 whole EURC and 50 hundredths')
    assert.equal(amountInWords('1.234', 'EURC'), '1 whole EURC and 234 thousandths')
    assert.equal(amountInWords('2.00', 'EURC'), '2 whole EURC')
    assert.equal(amountInWords('0.12345', 'POL'), '0 whole POL and 0.12345')
  })
})

describe('a wallet that sends only what was shown', () => {
  const input = { from: '{payer}' as const, to: '0xA1', value: '0', data: '0x01' }
  const payment = (id: string) => ({ id, chainId: 1, input })
  const asked: number[] = []
  const mute = { address: '0xB2', signMessage: async () => '' }
  const wallet = {
    ...mute,
    sendTransaction: async () => '0x1',
    waitForTransaction: async () => ({ transactionHash: '0x1', hasSucceeded: true }),
    batch: {
      isPossible: async () => true,
      sendCalls: async ({ params }: { params: { calls: unknown[] }[] }) => {
        asked.push(params[0]?.calls.length ?? 0)
        throw Object.assign(new Error('not together'), { code: 5750 })
      },
      waitForCalls: async () => ({ transactionHash: '0x1', hasSucceeded: true }),
    },
  }
  const call = { to: '0xa1', value: '0x0', data: '0x01' }

  it('sends equal payments as often as they were shown', async () => {
    const only = onlyShown(wallet as never, [payment('pay_1'), payment('pay_2')])
    const batch = (count: number) =>
      only.batch?.sendCalls({ params: [{ chainId: '0x1', calls: Array(count).fill(call) }] } as never)
    await assert.rejects(async () => batch(3), /has changed/)
    await assert.rejects(async () => batch(2), /not together/)
    assert.deepEqual(asked, [2])
    const send = () => only.sendTransaction({ chainId: 1, to: '0xa1', value: 0n, data: '0x01' })
    assert.deepEqual([await send(), await send()], ['0x1', '0x1'])
    await assert.rejects(send, /has changed/)
  })
})
