import type { Chain, MinedSighting, Moved, Proof, ProofQuestion } from '../chains/chain.ts'
import type { Hex } from '../domain/payment.ts'
import type { TermedVoucher } from '../domain/voucher.ts'
import { walletsAt } from '../domain/wallet.ts'
import type { App } from './app.ts'
import { holdsWallet } from './wallet-holders.ts'

/**
 * Whether a mined transaction pays a voucher, by one of the payer's addresses that may count as a payer. Anybody can name
 * the address of a pool or a router, through which everybody's money passes. So a contract counts where it has shown to
 * be the payer's, or where the transaction itself shows that it acted as somebody's account.
 * @throws ChainUnavailable
 */
export async function provePayment(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  question: ProofQuestion,
): Promise<Proof> {
  let payers = question.payers
  let refused: Proof | null = null
  for (;;) {
    const proof = app.rules.prove({ ...question, payers })
    if (!proof.proven) return refused ?? (await withoutOthers(app, chain, voucher, question, proof))
    const { payer } = proof
    if (proof.parts.length === 0 || (await isPayer(app, chain, voucher, question, payer))) return proof
    refused ??= { proven: false, reason: unshownReason(payer) }
    payers = payers.filter((other) => other.toLowerCase() !== payer.toLowerCase())
  }
}

/** What a contract moved that is merely named is no sight of this payer's money. */
async function withoutOthers(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  question: ProofQuestion,
  proof: Proof & { proven: false },
): Promise<Proof> {
  const { moved = [], ...rest } = proof
  const own: Moved[] = []
  for (const [payer, byPayer] of Map.groupBy(moved, ({ payer }) => payer)) {
    if (await isPayer(app, chain, voucher, question, payer)) own.push(...byPayer)
  }
  return own.length === 0 ? rest : { ...rest, moved: own }
}

/**
 * Whether an address is a contract that has not shown to this voucher, or to its payer's account, whose it is.
 * @throws ChainUnavailable
 */
export async function isUnshownContract(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  at: { address: Hex; blockNumber: number },
): Promise<boolean> {
  if (!(await chain.isContract(at.address, at.blockNumber))) return false
  return !(await holdsWallet(app, voucher, walletsAt(chain.chainId, at.address)))
}

/** Asks nobody about whoever sent the transaction, which is nearly every payer. */
async function isPayer(
  app: App,
  chain: Chain,
  voucher: TermedVoucher,
  { sighting }: ProofQuestion,
  address: Hex,
): Promise<boolean> {
  if (app.rules.actsItself(sighting, address)) return true
  if (!(await isUnshownContract(app, chain, voucher, { address, blockNumber: sighting.block.number }))) return true
  return wasOperated(app, chain, sighting, address)
}

/** Whether an EntryPoint says that it carried out an operation of a contract, and the contract says that it obeys that one. */
async function wasOperated(app: App, chain: Chain, sighting: MinedSighting, address: Hex): Promise<boolean> {
  const operators = app.rules.operatorsOf(sighting, address)
  if (operators.length === 0) return false
  const entryPoint = (await chain.entryPointOf(address))?.toLowerCase()
  return operators.some((operator) => operator.toLowerCase() === entryPoint)
}

function unshownReason(payer: Hex): string {
  return (
    `${payer} is a contract, and nothing shows that it pays for this payer. ` +
    `Sign this voucher with ${payer} (sign-voucher, ERC-1271), which is possible also now, and hand in the receipt again`
  )
}
