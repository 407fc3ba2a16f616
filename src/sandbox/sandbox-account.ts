import type { Hex } from '../domain/payment.ts'
import artifact from './contracts/sandbox-account.artifact.json' with { type: 'json' }
import { SANDBOX_ACCOUNT_CODE } from './facts.ts'
import { actAs, type SandboxClient } from './sandbox-client.ts'

/** Deploys nothing but the code for accounts, so that its address is always the same. Nobody has its key. */
const FOUNDER: Hex = '0x0000000000000000000000000000000000515ce2'

/** Deploys what accounts may delegate to, where an earlier start has not done so. */
export async function placeAccountCode(client: SandboxClient): Promise<void> {
  if ((await client.getCode({ address: SANDBOX_ACCOUNT_CODE })) !== undefined) return
  await actAs(client, FOUNDER, (send) => send({ data: `0x${artifact.bytecode.slice('0x'.length)}` }))
}
