import type { Simulation } from '../../domain/review.ts'
import { formatAmount } from '../../protocol/amounts.ts'
import type { CallFacts, Outcome, RawCall } from '../chain.ts'
import { knownFunction } from './known-functions.ts'
import { revertReason } from './revert-reason.ts'

const NO_REASON = 'it would fail, and the contract gives no reason'

/** How a transaction would end, in plain words. */
export function explainOutcome(call: RawCall, outcome: Outcome, facts: CallFacts): Simulation {
  switch (outcome.ending) {
    case 'succeeds':
      return explainSuccess(call, outcome, facts)
    case 'reverts':
      return { status: 'REVERTS', reason: revertReason(outcome.data, call.to, facts)?.words ?? NO_REASON }
    case 'unaffordable': {
      const { symbol, decimals } = facts.nativeCurrency
      const [needed, held] = [outcome.neededWei, outcome.balanceWei].map((wei) => formatAmount(wei, decimals))
      return { status: 'REVERTS', reason: `the wallet has ${held} ${symbol}, and ${needed} is needed, gas aside` }
    }
    case 'unknown':
      return {
        status: 'UNKNOWN',
        reason: 'it depends on the payments before it, and the node cannot play them together',
      }
  }
}

const FALSE = `0x${'00'.repeat(32)}`

/** Functions that say by their answer whether they did it. */
const ANSWERS = new Set(['transfer', 'transferFrom', 'approve'])

function explainSuccess(
  { to, wei, data }: RawCall,
  outcome: Outcome & { ending: 'succeeds' },
  facts: CallFacts,
): Simulation {
  if (!outcome.hasCode) {
    const butSends = wei === 0n ? '' : ' but leave there what it sends'
    return {
      status: 'NO_EFFECT',
      reason: `there is no contract at ${to}: the call would succeed and do nothing${butSends}`,
    }
  }
  if (outcome.returned !== FALSE) return { status: 'OK' }
  const known = knownFunction(to, `0x${data.slice(2, 10).toLowerCase()}`, facts.tokenAt(to) !== undefined)
  const isAnswer = known?.standard.startsWith('ERC-20') && ANSWERS.has(known.item.name)
  if (!isAnswer) return { status: 'OK' }
  return { status: 'NO_EFFECT', reason: `the token ${to} says no: the call would succeed, return false and do nothing` }
}
