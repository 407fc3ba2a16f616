import { MAX_STREAMS_OF_ACCOUNT, MAX_STREAMS_OF_PAYEES, type StreamQuota } from '../delivery/event-streams.ts'
import type { Subscription } from '../delivery/subscription.ts'
import { invalidField } from '../domain/refusal.ts'
import type { Party } from '../store/store.ts'
import type { App } from './app.ts'
import { accountKey, type Call, type KeyHolder, type Payee, type User } from './call.ts'
import { partyOf } from './find.ts'

/**
 * Opens a stream of all events that the caller may see.
 * @param input.lastEventId where an earlier stream broke off; null: from now on
 * @param input.isStillAllowed tells whether the caller may still read; must not reject
 * @throws Refusal `validation_failed` where `lastEventId` is no id of an event in a stream, `rate_limit`, `overloaded`
 */
export async function subscribe(
  app: App,
  call: Call<User | Payee | KeyHolder>,
  input: { lastEventId: string | null; isStillAllowed: () => Promise<boolean> },
): Promise<Subscription> {
  const party = partyOf(call.caller)
  const after = await startOf(app, party, input.lastEventId)
  const { isStillAllowed } = input
  const from = call.networkKey ?? call.addressKey
  return app.streams.open(await quotasOf(app, call.caller), from, { party, after, isStillAllowed })
}

/** Keys count for their account; sign-ins with a code for themselves, and all of them for the payer whose code it is. */
async function quotasOf(app: App, caller: User | Payee | KeyHolder): Promise<StreamQuota[]> {
  const own = { key: accountKey(caller), max: MAX_STREAMS_OF_ACCOUNT }
  if (caller.kind !== 'payee' || !app.alive.isOn) return [own]
  const context = await app.store.context(caller.contextId)
  return [own, { key: `payees of ${context?.payerId ?? caller.contextId}`, max: MAX_STREAMS_OF_PAYEES }]
}

async function startOf(app: App, party: Party, lastEventId: string | null): Promise<string> {
  if (lastEventId === null) return app.store.endOfLog()
  try {
    await app.store.eventsOf(party, { after: lastEventId, upTo: lastEventId }, 1)
    return lastEventId
  } catch (error) {
    if (error instanceof RangeError) throw invalidField('/lastEventId', 'is no id that an event stream gave')
    throw error
  }
}
