import { erc20Abi, getAddress, toEventSelector } from 'viem'
import type { ApprovalExpectation, Hex } from '../../domain/payment.ts'
import type { Log, Proof, ProofQuestion } from '../chain.ts'
import { isAmong, sameHex } from './hex.ts'
import { unproven } from './parts.ts'
import { readEvent } from './read-event.ts'

const APPROVAL = toEventSelector('Approval(address,address,uint256)')

/** An approval moves nothing and so counts for as many payments as it serves: it takes no part of the transaction. */
export function proveApproval({ sighting, payers }: ProofQuestion, { token, spender }: ApprovalExpectation): Proof {
  const approval = sighting.logs
    .filter((log) => log.topics[0] === APPROVAL && sameHex(log.address, token))
    .map(readApproval)
    .find((one) => one !== null && isAmong(one.owner, payers) && sameHex(one.spender, spender))
  return approval
    ? { proven: true, parts: [], payer: getAddress(approval.owner) }
    : unproven(`the transaction does not let ${spender} take the token ${token} from an address of the payer`)
}

function readApproval(log: Log): { owner: Hex; spender: Hex } | null {
  const event = readEvent(erc20Abi, log)
  return event?.eventName === 'Approval' ? event.args : null
}
