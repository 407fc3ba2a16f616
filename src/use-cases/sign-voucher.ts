import { addressOfPublicKey } from '../auth/public-keys.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField } from '../domain/refusal.ts'
import { assertSignable, paymentsOf, signVoucher as sign, signingMessage } from '../domain/voucher.ts'
import type { SignVoucherBody, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { expireVoucher } from './expire-voucher.ts'
import { findVoucherAsPayer } from './find.ts'
import { findSigner } from './find-signer.ts'

/**
 * The payer attaches a signature of the voucher's `signingMessage`. `publicKey` is the signer's address, or its
 * uncompressed secp256k1 key in hex. Taken as long as a payment would count, also late.
 * @throws Refusal `not_found`, `validation_failed`
 */
export async function signVoucher(
  app: App,
  call: Call<User>,
  voucherId: string,
  body: SignVoucherBody,
): Promise<VoucherView> {
  return decideAndCommit(app, call.idempotency, async () => {
    await expireVoucher(app, voucherId, call.nowMs)
    const voucher = await findVoucherAsPayer(app, call, voucherId)
    assertSignable(voucher)
    const address = addressOfPublicKey(body.publicKey)
    if (address === null || !voucher.payers.includes(address)) {
      throw invalidField('/publicKey', "must be one of the context's payer addresses, or the public key of one")
    }
    const signature = body.signature as Hex
    const [payment] = paymentsOf(voucher)
    const chain = payment && app.chains.get(payment.network)
    const signer = await findSigner({ address, message: signingMessage(voucher), signature, chain })
    if (signer === null)
      throw invalidField('/signature', `is no signature of the voucher's signingMessage by ${address}`)
    const step = sign(voucher, { ...body, signedAtMs: call.nowMs }, signer)
    const { change, view } = recordStep(step, call.nowMs)
    return { change, answer: view }
  })
}
