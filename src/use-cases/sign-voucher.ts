import { addressOfPublicKey } from '../auth/public-keys.ts'
import type { Hex } from '../domain/payment.ts'
import { invalidField } from '../domain/refusal.ts'
import { assertSignable, paymentsOf, signVoucher as sign, signingMessage } from '../domain/voucher.ts'
import type { SignVoucherBody, VoucherView } from '../protocol/schemas.ts'
import type { App } from './app.ts'
import type { Call, User } from './call.ts'
import { decideAndCommit, recordStep } from './commit.ts'
import { findVoucherAsPayer } from './find.ts'
import { verifyPayerSignature } from './verify-signature.ts'

/**
 * The payer attaches a signature of the voucher's `signingMessage`. `publicKey` is the signer's address, or its
 * uncompressed secp256k1 key in hex.
 * @throws Refusal `not_found`, `validation_failed`
 */
export async function signVoucher(
  app: App,
  call: Call<User>,
  voucherId: string,
  body: SignVoucherBody,
): Promise<VoucherView> {
  return decideAndCommit(app, call.idempotency, async () => {
    const voucher = await findVoucherAsPayer(app, call, voucherId)
    assertSignable(voucher)
    const address = addressOfPublicKey(body.publicKey)
    if (address === null || !voucher.payers.includes(address)) {
      throw invalidField('/publicKey', "must be one of the context's payer addresses, or the public key of one")
    }
    const signature = body.signature as Hex
    const network = paymentsOf(voucher)[0]?.network
    const valid = await verifyPayerSignature(app, { address, message: signingMessage(voucher), signature, network })
    if (!valid) throw invalidField('/signature', `is not a signature of the voucher's signingMessage by ${address}`)
    const step = sign(voucher, { ...body, signedAtMs: call.nowMs }, address)
    const { change, view } = recordStep(step, call.nowMs)
    return { change, answer: view }
  })
}
