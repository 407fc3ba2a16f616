import { BENCH_NETWORK, BENCH_TOKEN } from './network.ts'

/** Whose requests they are. The floor gets the same ones, and does not look. */
export type Caller = { token: string; contextCode: string }

const PAYEE_WALLET = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

/** The calls of the workloads, each as a whole HTTP/1.1 request. */
export const CALLS = {
  reserve: ({ token, contextCode }: Caller, key: string): string =>
    post('/api/v1/vouchers/reserve-voucher', token, key, `{"code":"${contextCode}"}`),

  /** @param cents the amount that is asked for, so that no two redemptions are the same */
  redeem: ({ token }: Caller, key: string, voucherId: string, cents: number): string =>
    post(`/api/v1/vouchers/${voucherId}/redeem-voucher`, token, key, termsOf(cents)),

  get: ({ token }: Caller, voucherId: string): string =>
    `GET /api/v1/vouchers/${voucherId} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n\r\n`,
}

function termsOf(cents: number): string {
  const amount = `${Math.trunc(cents / 100) + 1}.${String(cents % 100).padStart(2, '0')}`
  return JSON.stringify({
    expectedPayment: {
      network: BENCH_NETWORK,
      currency: BENCH_TOKEN.symbol,
      currencyAddress: BENCH_TOKEN.address,
      amount,
      wallet: { address: PAYEE_WALLET },
    },
    payeeInfo: { name: 'Corner shop' },
    orderId: `order-${cents}`,
  })
}

export function postRequest(path: string, token: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

function post(path: string, token: string, key: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\nidempotency-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
