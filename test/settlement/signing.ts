import assert from 'node:assert/strict'
import { parseEther } from 'viem'
import type { HDAccount } from 'viem/accounts'
import { createSiweMessage } from 'viem/siwe'
import type { Hex } from '../../src/domain/payment.ts'
import type { AuthorizationView, ChallengeView, VoucherView } from '../../src/protocol/schemas.ts'
import type { RelayerSettings } from '../../src/server.ts'
import { ok } from '../http/problems.ts'
import { devAccount, devKey } from '../support/anvil.ts'
import { type Answer, callerOf, type TestServer } from '../support/server.ts'

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

/** What signs in: an address, and what makes its signatures. */
export type Signer = { address: Hex; signMessage: (input: { message: string }) => Promise<Hex> }

/** Signs in by an EIP-4361 message that names this chain. */
export async function walletSignIn(
  { url, clock }: TestServer,
  { address, signMessage }: Signer,
  chainId: number,
): Promise<Answer<AuthorizationView>> {
  const { challenge: nonce } = ok(await callerOf(url).get<ChallengeView>('/auth/get-challenge'))
  const { host: domain, origin: uri } = new URL(url)
  const message = createSiweMessage({
    ...{ address, chainId, domain, uri, nonce, version: '1' },
    issuedAt: new Date(clock.now()),
  })
  const data = { message, signature: await signMessage({ message }) }
  return callerOf(url).post<AuthorizationView>('/auth/sign-in', { type: 'wallet', data })
}
