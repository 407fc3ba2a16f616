/** What a generated client is used for: one payment. Each client's program says how with its own functions and types. */
export type Client = {
  signUp: (account: Account) => Promise<unknown>
  /** @returns a token */
  signIn: (account: Account) => Promise<string>
  /** @returns the context's code */
  openContext: (token: string, payer: string) => Promise<string>
  /** @returns a token */
  signInByCode: (code: string) => Promise<string>
  /** @returns the voucher's id */
  reserve: (token: string, code: string) => Promise<string>
  redeem: (token: string, voucherId: string, terms: Terms) => Promise<Voucher>
  read: (token: string, voucherId: string) => Promise<Voucher>
  resolve: (token: string, voucherId: string, receipts: Receipt[]) => Promise<Voucher>
}

export type Account = { email: string; password: string }
export type Terms = { currency: string; amount: string; address: string }
export type Receipt = { paymentId: string; transactionHash: string }
export type Voucher = {
  status: string
  payments?: { id: string; input: { to: string; data: string; value: string } }[]
  settlement?: { status: string } | null
}

const PAYER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const TILL = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'

/** Takes a payment from its first call to its last confirmation. @throws Error where it does not come that far */
export async function takePayment(name: string, client: Client, rpcUrl: string): Promise<void> {
  const account = { email: `${name}@example.com`, password: 'correct horse battery' }
  await client.signUp(account)
  const payer = await client.signIn(account)
  const code = await client.openContext(payer, PAYER)
  const payee = await client.signInByCode(code)
  const id = await client.reserve(payee, code)
  await client.redeem(payee, id, { currency: 'EURC', amount: '1.50', address: TILL })
  const receipts: Receipt[] = []
  for (const { id: paymentId, input } of (await client.read(payer, id)).payments ?? []) {
    receipts.push({ paymentId, transactionHash: await send(rpcUrl, input) })
  }
  let voucher = await client.resolve(payer, id, receipts)
  for (let looks = 0; voucher.settlement?.status !== 'CONFIRMED' && looks < 300; looks++) {
    await new Promise((wake) => setTimeout(wake, 100))
    voucher = await client.read(payee, id)
  }
  const end = `${voucher.status} ${voucher.settlement?.status}`
  if (end !== 'RESOLVED CONFIRMED') throw new Error(`the payment ended ${end}`)
  console.log(end)
}

/** The sandbox's chain signs for its own accounts. */
async function send(rpcUrl: string, { to, data, value }: { to: string; data: string; value: string }): Promise<string> {
  const params = [{ from: PAYER, to, data, value: `0x${BigInt(value).toString(16)}` }]
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_sendTransaction', params })
  const response = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { result, error }: { result?: string; error?: { message: string } } = await response.json()
  if (result === undefined) throw new Error(error?.message ?? 'the chain gave no hash')
  return result
}
