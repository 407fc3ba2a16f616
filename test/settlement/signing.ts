import assert from 'node:assert/strict'
import { parseEther } from 'viem'
import type { HDAccount } from 'viem/accounts'
import type { Hex } from '../../src/domain/payment.ts'
import type { VoucherView } from '../../src/protocol/schemas.ts'
import type { RelayerSettings } from '../../src/server.ts'
import { devAccount, devKey } from '../support/anvil.ts'

/** The account that carries out signatures in tests. */
const RELAYER = 7

export const RELAYER_ACCOUNT = devAccount(RELAYER)
export const RELAYER_KEY = devKey(RELAYER)
export const DAILY_CAP_WEI = parseEther('1')

/** A relayer on one network. */
export function relayerOn(network: string): RelayerSettings {
  return { privateKey: RELAYER_KEY, dailyCapsWei: new Map([[network, DAILY_CAP_WEI]]) }
}

type Alternative = NonNullable<NonNullable<VoucherView['payments']>[number]['alternatives']>[number]

/** What the first of the payer's wallets can sign. */
export function alternativeOf(voucher: VoucherView): Alternative {
  const [alternative] = voucher.payments?.[0]?.alternatives ?? []
  assert.ok(alternative, 'there is something to sign')
  return alternative
}

/** @param voucher as its payer reads it */
export function signAlternative(voucher: VoucherView, signer: HDAccount): Promise<Hex> {
  return signer.signTypedData(alternativeOf(voucher).typedData)
}
