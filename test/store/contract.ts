import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CODE_REST_MS } from '../../src/domain/code-dealer.ts'
import { askedBy } from '../../src/domain/completion.ts'
import type { Context } from '../../src/domain/context.ts'
import { closeContext, releaseContextCode } from '../../src/domain/context.ts'
import type { Hex } from '../../src/domain/hex.ts'
import type { SimpleTerms } from '../../src/domain/payment.ts'
import { addRelay, endRelay, newRelayQueue } from '../../src/domain/relay-queue.ts'
import { closeSession } from '../../src/domain/session.ts'
import { unseenTransaction } from '../../src/domain/settlement.ts'
import {
  confirmSettlement,
  discardVoucher,
  expireVoucher,
  failSettlement,
  type RedeemedVoucher,
  resolveVoucher,
  type TermedVoucher,
  trackSettlement,
  type Voucher,
} from '../../src/domain/voucher.ts'
import { contractWallet, type WalletId } from '../../src/domain/wallet.ts'
import { watchNoteOf } from '../../src/domain/watch.ts'
import { newId } from '../../src/protocol/ids.ts'
import {
  type AliveFilter,
  type CompetingFilter,
  Conflict,
  type Lease,
  type LoggedEvent,
  type SessionFilter,
  type SettlingFilter,
  type Store,
  type VoucherFilter,
  type WatchPlace,
} from '../../src/store/store.ts'
import { eventually } from '../chains/eventually.ts'
import { type Engine, type OpenedStore, rejectsWith } from './engine.ts'
import {
  aClaim,
  aContext,
  aCredential,
  anAccount,
  anAnswer,
  anApiKey,
  anEvent,
  aQuote,
  aSession,
  aSettlement,
  aVoucher,
  MINUTE_MS,
  nextCode,
  PAYEE_ID,
  PAYER_ID,
  randomPayeeId,
  redeemed,
  settling,
  someHex,
  T0,
  WHOLE_LIST,
} from './rows.ts'
import { webhooks } from './webhook-contract.ts'

/** What every engine must do, whatever it is made of. */
export function storeContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the store contract`, () => {
    let shared: OpenedStore
    const engine: Engine = {
      get store() {
        return shared.store
      },
      fresh: open,
    }
    before(async () => {
      shared = await open()
    })
    after(() => shared.destroy())

    describe('versions', () => versions(engine))
    describe('unique things', () => uniqueThings(engine))
    describe('stored answers', () => storedAnswers(engine))
    describe('all or nothing', () => allOrNothing(engine))
    describe('leases', () => leases(engine))
    describe('look-ups', () => lookUps(engine))
    describe('lists of vouchers', () => voucherLists(engine))
    describe('other lists', () => otherLists(engine))
    describe('the sweep', () => sweep(engine))
    describe('webhooks', () => webhooks(engine))
    describe('durability', () => durability(engine))
  })
}

/** Every voucher of nobody. */
const ANY_VOUCHER: VoucherFilter = {
  ...WHOLE_LIST,
  party: { payerId: null, payeeId: null },
  status: null,
  orderId: null,
  sessionId: null,
  code: null,
  nowMs: T0,
}

/** The log from its beginning, once it shows this many events. */
function logOf(store: Store, count: number): Promise<LoggedEvent[]> {
  return eventually(`${count} events in the log`, async () => {
    const log = await store.events(null, count + 1)
    return log.length >= count && log
  })
}

function versions(engine: Engine): void {
  test('version 1 is inserted and read back as it was written', async () => {
    const rows = {
      contexts: [aContext()],
      sessions: [aSession({ payeeInfo: { name: 'Café Zoë', nested: { list: [1, null] } } })],
      vouchers: [redeemedVersion1()],
      accounts: [anAccount()],
      apiKeys: [anApiKey()],
    }
    await engine.store.commit(rows)
    assert.deepEqual(await engine.store.context(rows.contexts[0]?.id ?? ''), rows.contexts[0])
    assert.deepEqual(await engine.store.session(rows.sessions[0]?.id ?? ''), rows.sessions[0])
    assert.deepEqual(await engine.store.voucher(rows.vouchers[0]?.id ?? ''), rows.vouchers[0])
    assert.deepEqual(await engine.store.account(rows.accounts[0]?.id ?? ''), rows.accounts[0])
    assert.deepEqual(await engine.store.apiKey(rows.apiKeys[0]?.id ?? ''), rows.apiKeys[0])
  })

  test('inserting an id twice is a version conflict, also with the same code', async () => {
    const voucher = aVoucher()
    const session = aSession()
    const context = aContext()
    const account = anAccount()
    await engine.store.commit({
      vouchers: [voucher],
      sessions: [session],
      contexts: [context],
      accounts: [account],
    })
    await rejectsWith(engine.store.commit({ vouchers: [voucher] }), 'version', voucher.id)
    await rejectsWith(engine.store.commit({ vouchers: [{ ...voucher, code: nextCode() }] }), 'version', voucher.id)
    await rejectsWith(engine.store.commit({ sessions: [session] }), 'version', session.id)
    await rejectsWith(engine.store.commit({ contexts: [context] }), 'version', context.id)
    await rejectsWith(engine.store.commit({ accounts: [account] }), 'version', account.id)
  })

  test('version n replaces n − 1 and nothing else', async () => {
    const context = aContext()
    await engine.store.commit({ contexts: [context] })
    const at = (version: number): Context => ({ ...context, version, updatedAtMs: T0 + version })

    await rejectsWith(engine.store.commit({ contexts: [at(3)] }), 'version', context.id)
    await engine.store.commit({ contexts: [at(2)] })
    await rejectsWith(engine.store.commit({ contexts: [at(2)] }), 'version', context.id)
    await engine.store.commit({ contexts: [at(3)] })
    assert.deepEqual(await engine.store.context(context.id), at(3))
  })

  test('a version of what was never inserted is a version conflict', async () => {
    const voucher = redeemed(aVoucher())
    await rejectsWith(engine.store.commit({ vouchers: [voucher] }), 'version', voucher.id)
    assert.equal(await engine.store.voucher(voucher.id), null)
  })

  test('of 16 racers on one version exactly one wins', async () => {
    const voucher = aVoucher()
    await engine.store.commit({ vouchers: [voucher] })
    const racers = Array.from({ length: 16 }, (_, racer) => redeemed(voucher, { orderId: `racer ${racer}` }))
    const outcomes = await Promise.allSettled(racers.map((racer) => engine.store.commit({ vouchers: [racer] })))

    const winners = racers.filter((_, index) => outcomes[index]?.status === 'fulfilled')
    assert.equal(winners.length, 1)
    assert.deepEqual(await engine.store.voucher(voucher.id), winners[0])
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') assert.equal(outcome.reason.kind, 'version')
    }
  })

  test('a row that the decision read must still have its version', async () => {
    const [context, session] = [aContext(), aSession()]
    await engine.store.commit({ contexts: [context], sessions: [session] })
    const read = { contexts: [context], sessions: [session] }

    const before = aVoucher()
    await engine.store.commit({ vouchers: [before], unchanged: read })
    await engine.store.commit({ sessions: [closeSession(session, T0)] })
    const late = aVoucher()
    await rejectsWith(engine.store.commit({ vouchers: [late], unchanged: read }), 'version', session.id)
    await engine.store.commit({ contexts: [closeContext(context, null, T0)] })
    await rejectsWith(engine.store.commit({ vouchers: [late], unchanged: read }), 'version')
    await rejectsWith(
      engine.store.commit({ vouchers: [late], unchanged: { contexts: [{ id: 'ctx_none', version: 1 }] } }),
      'version',
      'ctx_none',
    )
    assert.equal(await engine.store.voucher(late.id), null)
  })
}

function redeemedVersion1(): Voucher {
  const quote = aQuote()
  const negotiated = { ...redeemed(aVoucher(), { orderId: 'order 1' }), quotes: [quote], quoteId: quote.id }
  return { ...settling(negotiated), version: 1 }
}

function uniqueThings(engine: Engine): void {
  test('a voucher code is taken while its voucher is reserved or redeemed', async () => {
    const first = aVoucher()
    const second = (nowMs = T0) => aVoucher({ code: first.code, nowMs })
    await engine.store.commit({ vouchers: [first] })
    await rejectsWith(engine.store.commit({ vouchers: [second()] }), 'code', first.code)
    const paid = redeemed(first)
    await engine.store.commit({ vouchers: [paid] })
    await rejectsWith(engine.store.commit({ vouchers: [second()] }), 'code', first.code)

    await engine.store.commit({ vouchers: [discardVoucher(paid, 'payee', T0).voucher] })
    const next = second(T0 + CODE_REST_MS)
    await engine.store.commit({ vouchers: [next] })
    assert.deepEqual(await engine.store.voucher(next.id), next)
  })

  test('an ended voucher may change while another one has its code', async () => {
    const first = redeemed(aVoucher())
    await engine.store.commit({ vouchers: [{ ...first, version: 1 }] })
    const expired = { ...expireVoucher(first).voucher, version: 2 }
    await engine.store.commit({ vouchers: [expired] })
    const next = aVoucher({ code: first.code, nowMs: expired.endedAtMs + CODE_REST_MS })
    await engine.store.commit({ vouchers: [next] })

    const late = { ...resolveVoucher(settling(first), aSettlement(), T0).voucher, version: 3, late: true }
    await engine.store.commit({ vouchers: [late] })
    assert.deepEqual(await engine.store.voucher(first.id), late)
  })

  test('a session code is taken while the session is open', async () => {
    const first = aSession()
    await engine.store.commit({ sessions: [first] })
    await rejectsWith(engine.store.commit({ sessions: [aSession({ code: first.code })] }), 'code', first.code)
    await engine.store.commit({ sessions: [closeSession(first, T0)] })
    await engine.store.commit({ sessions: [aSession({ code: first.code })] })
  })

  test('a context code is taken until it is given back', async () => {
    const first = aContext()
    await engine.store.commit({ contexts: [first] })
    await rejectsWith(engine.store.commit({ contexts: [aContext({ code: first.code })] }), 'code', first.code)
    await engine.store.commit({ contexts: [releaseContextCode(first)] })
    const restedAtMs = first.codeExpiresAtMs + CODE_REST_MS
    await engine.store.commit({ contexts: [aContext({ code: first.code, nowMs: restedAtMs })] })
  })

  test('what the dealers deal is free, and they know how many codes of six digits are in use', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const ended = discardVoucher(aVoucher(), 'payee', T0).voucher
    const contexts = [aContext(), aContext({ code: 'K7M2QX', format: 'alphanum' }), closeContext(aContext(), null, T0)]
    await store.commit({
      vouchers: [aVoucher(), aVoucher(), { ...ended, version: 1 }],
      contexts: contexts.map((context) => ({ ...context, version: 1 })),
    })
    const { voucher, context } = await store.codeDealers(T0)
    assert.deepEqual([await voucher.liveCount(), await context.liveCount()], [2, 1])
    const [voucherCode, contextCode] = [await voucher.deal(T0), await context.deal(T0)]
    assert.ok(voucherCode !== null && contextCode !== null)
    await store.commit({
      vouchers: [aVoucher({ code: voucherCode })],
      contexts: [aContext({ code: contextCode })],
    })
  })

  test('the three kinds of codes come from separate pools', async () => {
    const code = nextCode()
    await engine.store.commit({
      contexts: [aContext({ code })],
      sessions: [aSession({ code })],
      vouchers: [aVoucher({ code })],
    })
  })

  test('a claim has one owner, who may take it again', async () => {
    const claim = aClaim({ ownerId: 'vch_a' })
    await engine.store.commit({ claims: [claim] })
    await engine.store.commit({ claims: [claim] })
    await rejectsWith(engine.store.commit({ claims: [{ ...claim, ownerId: 'vch_b' }] }), 'claim', claim.key)
    const owners = await engine.store.claimOwners([claim.key, 'untaken'])
    assert.deepEqual([...owners], [[claim.key, 'vch_a']])
  })

  test('within one change, too, a claim has one owner', async () => {
    const claim = aClaim({ ownerId: 'vch_a' })
    await rejectsWith(engine.store.commit({ claims: [claim, { ...claim, ownerId: 'vch_b' }] }), 'claim', claim.key)
    assert.equal((await engine.store.claimOwners([claim.key])).size, 0)
  })

  test('a queue of relays comes back as it was written, and of those who change it one wins', async () => {
    const signed = { nonce: 7, hash: '0x01', signedTransaction: '0x02', maxCostWei: 10n ** 24n } as const
    const first = addRelay(newRelayQueue(newId('pay', T0)), signed, { voucherId: 'vch_1', validBeforeMs: T0 }, T0)
    await engine.store.commit({ relayQueues: [first] })
    await rejectsWith(engine.store.commit({ relayQueues: [first] }), 'version', first.id)
    assert.deepEqual(await engine.store.relayQueue(first.id), first)
    const ended = endRelay(first, 7, 21_000n, T0)
    await engine.store.commit({ relayQueues: [ended] })
    await rejectsWith(engine.store.commit({ relayQueues: [endRelay(first, 7, 0n, T0)] }), 'version', first.id)
    assert.deepEqual(await engine.store.relayQueue(first.id), ended)
  })

  test('a credential is unique by kind and identifier together', async () => {
    const credential = aCredential()
    await engine.store.commit({ credentials: [credential] })
    await rejectsWith(engine.store.commit({ credentials: [{ ...credential, accountId: 'usr_other' }] }), 'credential')
    await engine.store.commit({ credentials: [{ ...credential, kind: 'mobile-device' }] })
    assert.deepEqual(await engine.store.credential('email-password', credential.identifier), credential)
    assert.equal(await engine.store.credential('wallet', credential.identifier), null)
  })
}

function storedAnswers(engine: Engine): void {
  test('an answer is stored once', async () => {
    const answer = anAnswer()
    await engine.store.commit({ answer })
    await rejectsWith(engine.store.commit({ answer: { ...answer, body: '"other"' } }), 'answer', answer.scope)
    assert.deepEqual(await engine.store.answer(answer.scope, T0), answer)
    assert.equal(await engine.store.answer('unknown scope', T0), null)
  })

  test('where it may be absent, the stored answer stays and the rest happens', async () => {
    const [answer, voucher] = [anAnswer(), aVoucher()]
    await engine.store.commit({ answer })
    await engine.store.commit({ answer: { ...answer, body: '"other"', ifAbsent: true }, vouchers: [voucher] })
    assert.deepEqual(await engine.store.answer(answer.scope, T0), answer)
    assert.deepEqual(await engine.store.voucher(voucher.id), voucher)

    const first = anAnswer()
    await engine.store.commit({ answer: { ...first, ifAbsent: true } })
    assert.deepEqual(await engine.store.answer(first.scope, T0), first)
  })

  test('an expired answer is not shown, and gives way to a new one', async () => {
    const old = anAnswer({ expiresAtMs: T0 })
    await engine.store.commit({ answer: old })
    assert.equal(await engine.store.answer(old.scope, T0), null)
    assert.deepEqual(await engine.store.answer(old.scope, T0 - 1), old)

    const next = anAnswer({ scope: old.scope, body: '"new"' })
    await engine.store.commit({ answer: next })
    assert.deepEqual(await engine.store.answer(old.scope, T0), next)
  })

  test('a loser in two ways learns of the answer: it has one to repeat', async () => {
    const [voucher, answer] = [aVoucher(), anAnswer()]
    await engine.store.commit({ vouchers: [voucher], answer })
    await rejectsWith(engine.store.commit({ vouchers: [voucher], answer }), 'answer', answer.scope)
  })
}

function allOrNothing(engine: Engine): void {
  test('a conflict in the last part undoes every part before it', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const taken = aClaim({ ownerId: 'vch_other' })
    const voucher = aVoucher()
    await store.commit({ claims: [taken], vouchers: [voucher] })

    const change = {
      contexts: [aContext()],
      sessions: [aSession()],
      vouchers: [redeemed(voucher), aVoucher()],
      accounts: [anAccount()],
      apiKeys: [anApiKey()],
      credentials: [aCredential()],
      claims: [aClaim({ ownerId: voucher.id }), { ...taken, ownerId: voucher.id }],
      events: [anEvent()],
      answer: anAnswer(),
    }
    await rejectsWith(store.commit(change), 'claim', taken.key)

    assert.deepEqual(await store.voucher(voucher.id), voucher)
    assert.equal(await store.voucher(change.vouchers[1]?.id ?? ''), null)
    assert.equal(await store.context(change.contexts[0]?.id ?? ''), null)
    assert.equal(await store.session(change.sessions[0]?.id ?? ''), null)
    assert.equal(await store.account(change.accounts[0]?.id ?? ''), null)
    assert.equal(await store.apiKey(change.apiKeys[0]?.id ?? ''), null)
    assert.equal(await store.credential('email-password', change.credentials[0]?.identifier ?? ''), null)
    assert.equal((await store.claimOwners([change.claims[0]?.key ?? ''])).size, 0)
    assert.equal(await store.answer(change.answer.scope, T0), null)
    assert.deepEqual(await store.events(null, 10), [])

    await store.commit({ ...change, claims: [] })
    assert.equal((await logOf(store, 1)).length, 1)
  })

  test('losers leave the commits beside them alone', async () => {
    const taken = aVoucher()
    await engine.store.commit({ vouchers: [taken] })
    const vouchers = Array.from({ length: 20 }, (_, index) => aVoucher(index % 2 === 0 ? {} : { code: taken.code }))
    const outcomes = await Promise.allSettled(vouchers.map((voucher) => engine.store.commit({ vouchers: [voucher] })))
    for (const [index, voucher] of vouchers.entries()) {
      const isWinner = index % 2 === 0
      assert.equal(outcomes[index]?.status, isWinner ? 'fulfilled' : 'rejected')
      assert.deepEqual(await engine.store.voucher(voucher.id), isWinner ? voucher : null)
    }
  })

  test('what cannot be written rejects its own commit only', async () => {
    const [good, bad] = [aVoucher(), aVoucher()]
    const unwritable = { ...bad, payers: [1n] } as unknown as Voucher
    const [first, second] = await Promise.allSettled([
      engine.store.commit({ claims: [aClaim({ key: bad.id })], vouchers: [unwritable] }),
      engine.store.commit({ vouchers: [good] }),
    ])
    assert.ok(first.status === 'rejected' && first.reason instanceof TypeError)
    assert.equal(second.status, 'fulfilled')
    assert.equal(await engine.store.voucher(bad.id), null)
    assert.equal((await engine.store.claimOwners([bad.id])).size, 0)
    assert.deepEqual(await engine.store.voucher(good.id), good)
  })

  test('an acknowledged commit can be read at once', async () => {
    const vouchers = Array.from({ length: 300 }, () => aVoucher())
    const seen = await Promise.all(
      vouchers.map(async (voucher) => {
        await engine.store.commit({ vouchers: [voucher] })
        return engine.store.voucher(voucher.id)
      }),
    )
    assert.deepEqual(seen, vouchers)
  })
}

const LONG_MS = 60_000
const SHORT_MS = 30

/** Takes a lease that nobody holds. */
async function taken(store: Store, name: string, holder: string, lifeMs = LONG_MS): Promise<Lease> {
  const lease = await store.takeLease(name, holder, lifeMs)
  assert.ok(lease)
  return lease
}

function leases(engine: Engine): void {
  test('a lease has one holder, who may commit under it and renew it', async () => {
    const lease = await taken(engine.store, 'watch:one', 'node a')
    assert.equal(await engine.store.takeLease('watch:one', 'node b', LONG_MS), null)
    assert.deepEqual(await engine.store.takeLease('watch:one', 'node a', LONG_MS), lease)
    assert.ok(await engine.store.takeLease('watch:two', 'node b', LONG_MS), 'another lease')
    const voucher = aVoucher()
    await engine.store.commit({ vouchers: [voucher], fence: lease })
    assert.deepEqual(await engine.store.voucher(voucher.id), voucher)
  })

  test('of 16 takers at once one gets it', async () => {
    const takers = Array.from({ length: 16 }, (_, taker) =>
      engine.store.takeLease('watch:race', `node ${taker}`, LONG_MS),
    )
    assert.equal((await Promise.all(takers)).filter((lease) => lease !== null).length, 1)
  })

  test('when a lease has lapsed another takes it, and nothing of the old holder happens any more', async () => {
    const old = await taken(engine.store, 'watch:lapse', 'node a', SHORT_MS)
    const next = await eventually('the lapse', () => engine.store.takeLease('watch:lapse', 'node b', LONG_MS))
    assert.ok(next.token > old.token)
    const [voucher, answer] = [aVoucher(), anAnswer()]
    await rejectsWith(engine.store.commit({ vouchers: [voucher], answer, fence: old }), 'fence', 'watch:lapse')
    assert.equal(await engine.store.voucher(voucher.id), null)
    await engine.store.giveUpLease(old)
    assert.equal(await engine.store.takeLease('watch:lapse', 'node a', LONG_MS), null, 'the new holder still has it')
    await engine.store.commit({ vouchers: [voucher], answer, fence: next })
    assert.deepEqual(await engine.store.voucher(voucher.id), voucher)
  })

  test('a lapsed lease is worth nothing even while nobody else has taken it', async () => {
    const lease = await taken(engine.store, 'watch:nobody', 'node a', SHORT_MS)
    await eventually('the lapse', async () => {
      const outcome = await engine.store.commit({ claims: [aClaim()], fence: lease }).catch((error: unknown) => error)
      return outcome instanceof Conflict && outcome.kind === 'fence'
    })
    const again = await taken(engine.store, 'watch:nobody', 'node a')
    assert.ok(again.token > lease.token)
  })

  test('a renewed lease outlives its first life', async () => {
    await taken(engine.store, 'watch:renewed', 'node a', SHORT_MS)
    const renewed = await taken(engine.store, 'watch:renewed', 'node a')
    const beside = await taken(engine.store, 'watch:beside', 'node a', SHORT_MS)
    await eventually('the end of a first life', () => engine.store.takeLease(beside.name, 'node b', LONG_MS))
    assert.equal(await engine.store.takeLease('watch:renewed', 'node b', LONG_MS), null)
    await engine.store.commit({ claims: [aClaim()], fence: renewed })
  })

  test('one that is given up can be taken at once, and is lost to whoever gave it up', async () => {
    const given = await taken(engine.store, 'watch:given', 'node a')
    await engine.store.giveUpLease(given)
    await rejectsWith(engine.store.commit({ claims: [aClaim()], fence: given }), 'fence')
    const next = await taken(engine.store, 'watch:given', 'node b')
    assert.ok(next.token > given.token)
    await rejectsWith(engine.store.commit({ claims: [aClaim()], fence: given }), 'fence')
  })

  test('a loser in two ways learns of the lease', async () => {
    const voucher = aVoucher()
    await engine.store.commit({ vouchers: [voucher] })
    const given = await taken(engine.store, 'watch:both', 'node a')
    await engine.store.giveUpLease(given)
    await rejectsWith(engine.store.commit({ vouchers: [voucher], fence: given }), 'fence')
  })
}

function lookUps(engine: Engine): void {
  test('vouchers that compete are found by what they ask for, and by the wallets and accounts of who holds the address', async () => {
    const { store } = engine
    const [key, elsewhere] = [someHex(20), someHex(20)]
    const contract = contractWallet(137, key)
    const [holderId, secondId, otherId] = [newId('usr', T0), newId('usr', T0), newId('usr', T0)]
    const recipient = someHex(20)
    const asking = (voucher: RedeemedVoucher, to = recipient): RedeemedVoucher => {
      const { terms } = voucher.redemption
      return { ...voucher, redemption: { ...voucher.redemption, terms: { ...terms, recipient: to } as SimpleTerms } }
    }
    const of = (payerId: string, nowMs: number, signedBy: WalletId | null = null): RedeemedVoucher => ({
      ...asking(redeemed(aVoucher({ payerId, nowMs }))),
      ...{ version: 1, signedBy },
    })
    const [old, own, signedOwn] = [of(holderId, T0), of(holderId, T0 + 1), of(holderId, T0 + 2, key)]
    const [signed, plain] = [of(otherId, T0 + 3, key), of(otherId, T0 + 4)]
    const [signedElsewhere, signedByContract] = [of(otherId, T0 + 5, elsewhere), of(otherId, T0 + 6, contract)]
    const [second, secondSigned] = [of(secondId, T0 + 7), of(secondId, T0 + 8, contract)]
    const onAnotherChain = of(otherId, T0 + 9, contractWallet(1, key))
    const ofAnother = asking(of(holderId, T0 + 10, key), someHex(20))
    const reserved = Array.from({ length: 3 }, () => aVoucher({ payerId: holderId, nowMs: T0 + 11 }))
    await store.commit({ vouchers: [old, own, signedOwn, signed, plain, signedElsewhere, signedByContract] })
    await store.commit({ vouchers: [second, secondSigned, onAnotherChain, ofAnother, ...reserved] })
    const asks = [askedBy(own) ?? '', 'token of somebody else']
    const slice = (accountIds: string[], given: Partial<CompetingFilter> = {}) =>
      store.competingVouchers({ wallets: [key], accountIds, asks, sinceMs: T0 + 1, after: null, limit: 10, ...given })
    const find = async (accountIds: string[], given: Partial<CompetingFilter> = {}) =>
      (await slice(accountIds, given)).vouchers

    assert.deepEqual(await find([]), [signedOwn, signed])
    assert.deepEqual(await find([holderId]), [own, signedOwn, signed])
    assert.deepEqual(await find([holderId], { sinceMs: T0 }), [old, own, signedOwn, signed])
    assert.deepEqual(await find([], { wallets: [elsewhere] }), [signedElsewhere])
    assert.deepEqual(await find(['usr_none'], { wallets: ['0x'] }), [])
    assert.deepEqual(await find([holderId], { asks: [] }), [])
    assert.deepEqual(await find([holderId], { asks: [askedBy(ofAnother) ?? ''] }), [ofAnother])
    const both = await find([holderId, secondId], { wallets: [key, contract] })
    assert.deepEqual(both, [own, signedOwn, signed, signedByContract, second, secondSigned])

    const first = await slice([holderId], { limit: 2 })
    assert.deepEqual(first.vouchers, [own, signedOwn])
    assert.deepEqual(await slice([holderId], { limit: 2, after: first.next }), { vouchers: [signed], next: null })

    const ended = discardVoucher(signed, 'payee', T0 + 6).voucher
    const settlement = aSettlement()
    const paid = resolveVoucher({ ...signedOwn }, settlement, T0 + 6).voucher
    const signedLater = { ...plain, version: 2, signedBy: key }
    await store.commit({ vouchers: [ended, paid, signedLater] })
    assert.deepEqual(await find([]), [ended, signedLater], 'what is paid competes no more')
    const failed = failSettlement(
      paid,
      settlement,
      { reason: 'it reverted', hash: null, mayStillBeMined: false },
      T0 + 7,
    ).voucher
    await store.commit({ vouchers: [failed] })
    assert.deepEqual(await find([]), [failed, ended, signedLater])
  })

  test('vouchers that wait for a transaction are found by it, but for those of one payer', async () => {
    const { store } = engine
    const waiting = (payerId: string, hashes: Hex[]): TermedVoucher => {
      const [approval, swap] = [aQuote().approvals[0], aQuote().swap]
      const { redemption, ...voucher } = redeemed(aVoucher({ payerId }))
      const payments = approval ? [approval, swap] : [swap]
      const transactions = payments.map(({ id }, index) =>
        unseenTransaction({ paymentId: id, hash: hashes[index] ?? null, signedTransaction: null }),
      )
      const settlement = aSettlement({ status: 'PENDING', transactions: transactions.toReversed() })
      return { ...voucher, version: 1, redemption: { ...redemption, payments }, settlement }
    }
    const [approving, swapping, next] = [someHex(32), someHex(32), someHex(32)]
    const [own, other] = [waiting('usr_a', [approving, swapping]), waiting('usr_b', [approving, swapping])]
    const elsewhere = waiting('usr_c', [swapping, next])
    await store.commit({ vouchers: [own, other, elsewhere] })
    const asks = [askedBy(own) ?? '']
    const slice = (hash: Hex, given: Partial<SettlingFilter> = {}) =>
      store.settlingWith({ hash, asks, exceptPayerId: 'usr_a', after: null, limit: 10, ...given })
    const find = async (hash: Hex, exceptPayerId = 'usr_a') => (await slice(hash, { exceptPayerId })).vouchers
    assert.deepEqual(await find(swapping), [other])
    assert.deepEqual(await find(swapping, 'usr_b'), [own])
    assert.equal((await find(swapping, 'usr_d')).length, 2)
    const all = await slice(swapping, { exceptPayerId: 'usr_d', limit: 1 })
    assert.deepEqual(all.vouchers, [own])
    assert.deepEqual((await slice(swapping, { exceptPayerId: 'usr_d', after: all.next })).vouchers, [other])
    assert.deepEqual((await slice(swapping, { asks: ['native 0x 1'] })).vouchers, [])
    assert.deepEqual(await find(approving), [], 'what only prepares the payment')
    const failed = failSettlement(
      other,
      other.settlement ?? aSettlement(),
      { reason: 'it reverted', hash: null, mayStillBeMined: false },
      T0,
    ).voucher
    await store.commit({ vouchers: [failed] })
    assert.deepEqual(await find(swapping), [])
  })

  test('what is not there is null', async () => {
    const { store } = engine
    assert.deepEqual(
      await Promise.all([
        store.context('ctx_none'),
        store.session('ses_none'),
        store.voucher('vch_none'),
        store.account('usr_none'),
        store.apiKey('key_none'),
        store.apiKeyByHash('none'),
        store.contextByCode('ZZZZZZ'),
        store.relayQueue('1:0x'),
      ]),
      [null, null, null, null, null, null, null, null],
    )
  })

  test('a code finds the newest context that ever had it', async () => {
    const code = nextCode()
    const older = aContext({ code, nowMs: T0 })
    await engine.store.commit({ contexts: [older] })
    await engine.store.commit({ contexts: [closeContext(older, null, T0 + 1)] })
    assert.equal((await engine.store.contextByCode(code))?.status, 'CLOSED')

    const newer = aContext({ code, nowMs: T0 + MINUTE_MS + CODE_REST_MS })
    await engine.store.commit({ contexts: [newer] })
    assert.deepEqual(await engine.store.contextByCode(code), newer)
  })

  test('an API key is found by its hash, and among those of its owner', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const all = { limit: 100, offset: 0, sinceMs: null, untilMs: null }
    const keys = [anApiKey({ createdAtMs: T0 }), anApiKey({ createdAtMs: T0 + 1 })]
    const others = anApiKey({ ownerId: 'usr_other', createdAtMs: T0 + 2 })
    await store.commit({ apiKeys: [...keys, others] })
    assert.deepEqual(await store.apiKeyByHash(others.hash), others)
    assert.deepEqual(await store.apiKeys(PAYER_ID, all), keys.toReversed())
    assert.deepEqual(await store.apiKeys(null, all), [others, ...keys.toReversed()])
    assert.deepEqual(await store.apiKeys(PAYER_ID, { ...all, limit: 1, offset: 1 }), keys.slice(0, 1))

    const revoked = { ...others, version: 2, revokedAtMs: T0 + 3 }
    await store.commit({ apiKeys: [revoked] })
    assert.deepEqual(await store.apiKeyByHash(others.hash), revoked)
  })

  test('the log is read in order, from any position, without a gap', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const events = Array.from({ length: 5 }, (_, index) => anEvent({ subjectId: `vch_${index}` }))
    await store.commit({ events: events.slice(0, 2) })
    await rejectsWith(store.commit({ events: [anEvent()], vouchers: [redeemed(aVoucher())] }), 'version')
    await store.commit({ events: events.slice(2) })

    const all = await logOf(store, 5)
    assert.deepEqual(
      all.map(({ event }) => event),
      events,
    )
    for (const [index, { position }] of all.entries()) {
      assert.deepEqual(await store.events(position, 2), all.slice(index + 1, index + 3))
    }
  })

  test('each party finds its own in any stretch of the log, in order, and once', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const [payeeId, strangeId] = [randomPayeeId(), '\0"\ud800\\']
    const start = await store.endOfLog()
    await store.commit({
      events: [
        anEvent({ payerId: 'usr_a', payeeId: null }),
        anEvent({ payerId: 'usr_a', payeeId }),
        anEvent({ payerId: 'usr_b', payeeId }),
        anEvent({ payerId: 'usr_b', payeeId: strangeId, data: { text: '\0' } }),
        anEvent({ payerId: 'usr_a', payeeId: strangeId }),
      ],
    })
    const all = await logOf(store, 5)
    const [first, second, third, , fifth] = all
    assert.ok(first && second && third && fifth)
    const whole = { after: start, upTo: fifth.position }
    const both = { payerId: 'usr_a', payeeId }

    assert.equal(await store.endOfLog(), fifth.position)
    assert.deepEqual(await store.eventsOf(both, whole, 10), [first, second, third, fifth])
    assert.deepEqual(await store.eventsOf(both, whole, 3), [first, second, third])
    assert.deepEqual(await store.eventsOf(both, { after: first.position, upTo: third.position }, 10), [second, third])
    assert.deepEqual(await store.eventsOf({ payerId: 'usr_a', payeeId: null }, whole, 10), [first, second, fifth])
    assert.deepEqual(await store.eventsOf({ payerId: null, payeeId }, whole, 10), [second, third])
    assert.deepEqual(await store.eventsOf({ payerId: null, payeeId: null }, whole, 10), [])
  })

  test('what is alive of an owner is counted as the clock has it, and no further than asked', async () => {
    const { store } = engine
    const [payeeId, payerId] = [randomPayeeId(), newId('usr', T0)]
    const session = { ...aSession(), payeeId, createdAtMs: T0, closesAtMs: T0 + 1000 }
    const context = { ...aContext(), payerId, createdAtMs: T0, codeExpiresAtMs: T0 + 1000 }
    const vouchers = ['731001', '731002', '731003'].map((code) =>
      aVoucher({ code, payeeId, payerId, sessionId: session.id, nowMs: T0, lifetimeMs: 1000 }),
    )
    await store.commit({ sessions: [session], contexts: [context], vouchers })
    const count = (what: AliveFilter['what'], of: AliveFilter['of'], nowMs = T0, limit = 10, sinceMs = T0) =>
      store.countAlive({ what, of, sinceMs, nowMs }, limit)
    assert.equal(await count('vouchers', { payee_id: payeeId }), 3)
    assert.equal(await count('vouchers', { payee_id: payeeId, payer_id: payerId }), 3)
    assert.equal(await count('vouchers', { payee_id: payeeId, payer_id: 'usr_other' }), 0)
    assert.equal(await count('vouchers', { payer_id: payerId }, T0, 2), 2)
    assert.equal(await count('vouchers', { payer_id: payerId }, T0 + 1000), 0)
    assert.equal(await count('vouchers', { payer_id: payerId }, T0, 10, T0 + 1), 0)
    assert.equal(await count('vouchers of any age', { session_id: session.id }, T0 + 1000), 3)
    assert.equal(await count('sessions', { payee_id: payeeId }), 1)
    assert.equal(await count('sessions', { context_id: session.contextId }, T0 + 1000), 0)
    assert.equal(await count('contexts', { payer_id: payerId }), 1)
    assert.equal(await count('contexts', { payer_id: payerId }, T0 + 1000), 0)
    const key = { ...anApiKey(), ownerId: payerId, createdAtMs: T0 }
    await store.commit({ apiKeys: [key] })
    assert.equal(await count('apiKeys', { owner_id: payerId }), 1)
  })

  test('a page of the log ends with the event that reaches its bytes, and events are found by their positions', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const start = await store.endOfLog()
    const text = '€'.repeat(1000)
    await store.commit({ events: [1, 2, 3, 4].map((nth) => anEvent({ payerId: 'usr_a', data: { nth, text } })) })
    const all = await logOf(store, 4)
    const [first, second, third, fourth] = all
    assert.ok(first && second && third && fourth)
    const stretch = { after: start, upTo: fourth.position }
    const party = { payerId: 'usr_a', payeeId: null }
    const isHeld = async (maxBytes: number, expected: typeof all) => {
      assert.deepEqual(await store.events(null, 4, maxBytes), expected)
      assert.deepEqual(await store.eventsOf(party, stretch, 4, maxBytes), expected)
    }
    await isHeld(1, [first])
    await isHeld(4000, [first, second])
    await isHeld(1_000_000, all)
    assert.deepEqual(
      await store.events(third.position, 4, 1),
      [fourth],
      'what is larger than a page comes all the same',
    )
    assert.deepEqual(await store.events(fourth.position, 4, 1), [])

    const found = await store.eventsAt([third.position, first.position, third.position])
    assert.deepEqual(found.get(first.position), first.event)
    assert.deepEqual(found.get(third.position), third.event)
    assert.equal(found.size, 2)
    assert.deepEqual(await store.eventsAt([]), new Map())
    assert.deepEqual(await store.eventsAt(['999999999']), new Map())
    await assert.rejects(store.eventsAt(['evt_1']), RangeError)
  })

  test('whoever listens is told that there may be more in the log', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    let told = 0
    const stop = store.onEvents(() => {
      told += 1
    })
    await store.commit({ events: [anEvent()] })
    assert.ok(told > 0)
    const toldUntilStopped = told
    stop()
    await store.commit({ events: [anEvent()] })
    assert.equal(told, toldUntilStopped)
  })

  test('what is no position in the log is refused', async () => {
    const party = { payerId: PAYER_ID, payeeId: null }
    const end = await engine.store.endOfLog()
    for (const position of ['', '-1', '1 OR 1=1', 'evt_1', '9'.repeat(40)]) {
      await assert.rejects(engine.store.events(position, 1), RangeError, position)
      await assert.rejects(engine.store.eventsOf(party, { after: position, upTo: end }, 1), RangeError, position)
    }
  })

  test('what callers write is stored and found, whatever characters it has', async () => {
    const strange = ['\0', '\ud800', '\\u0000', "'; --", '"', '\u{1f600}', '%', 'e\u0301']
    for (const text of strange) {
      const [orderId, identifier] = [`order ${text}`, `${nextCode()}${text}`]
      const voucher = { ...redeemed(aVoucher({ payeeId: randomPayeeId() }), { orderId }), version: 1 }
      const credential = aCredential({ identifier })
      await engine.store.commit({ vouchers: [voucher], credentials: [credential] })

      const party = { payerId: null, payeeId: voucher.payeeId }
      const found = await engine.store.vouchers({ ...ANY_VOUCHER, party, orderId })
      assert.deepEqual(found, [voucher])
      assert.deepEqual(await engine.store.credential(credential.kind, identifier), credential)
      assert.equal(await engine.store.voucher(`vch_${text}`), null)
    }
  })
}

function voucherLists(engine: Engine): void {
  const ids = (vouchers: Voucher[]) => vouchers.map(({ id }) => id)
  const filter = (given: Partial<VoucherFilter>): VoucherFilter => ({ ...ANY_VOUCHER, ...given })

  test('a party sees its own, newest first, each row once', async () => {
    const [me, meAsPayee, other] = ['usr_me', randomPayeeId(), randomPayeeId()]
    const paying = aVoucher({ nowMs: T0, payerId: me, payeeId: other })
    const both = aVoucher({ nowMs: T0 + 1, payerId: me, payeeId: meAsPayee })
    const asking = aVoucher({ nowMs: T0 + 2, payeeId: meAsPayee })
    const strange = aVoucher({ nowMs: T0 + 3, payeeId: other })
    await engine.store.commit({ vouchers: [asking, paying, strange, both] })

    const of = async (payerId: string | null, payeeId: string | null) =>
      ids(await engine.store.vouchers(filter({ party: { payerId, payeeId } })))
    assert.deepEqual(await of(me, meAsPayee), ids([asking, both, paying]))
    assert.deepEqual(await of(me, null), ids([both, paying]))
    assert.deepEqual(await of(null, meAsPayee), ids([asking, both]))
    assert.deepEqual(await of(null, null), [])
    assert.deepEqual(await of('usr_nobody', randomPayeeId()), [])
  })

  test('pages join without a gap, also within one millisecond; since counts in, until does not', async () => {
    const payeeId = randomPayeeId()
    const vouchers = Array.from({ length: 10 }, (_, index) => aVoucher({ payeeId, nowMs: T0 + Math.floor(index / 4) }))
    await engine.store.commit({ vouchers })
    const of = async (page: Partial<VoucherFilter>) =>
      ids(await engine.store.vouchers(filter({ party: { payerId: null, payeeId }, ...page })))

    const all = await of({})
    assert.deepEqual(all.toSorted(), ids(vouchers).toSorted())
    assert.deepEqual([...(await of({ limit: 3 })), ...(await of({ limit: 100, offset: 3 }))], all)
    assert.equal((await of({ sinceMs: T0 + 1 })).length, 6)
    assert.equal((await of({ untilMs: T0 + 1 })).length, 4)
    assert.equal((await of({ sinceMs: T0 + 1, untilMs: T0 + 2 })).length, 4)
    assert.equal((await of({ limit: 2, sinceMs: T0 + 1 })).length, 2)
  })

  test('the status is as the clock has it', async () => {
    const payeeId = randomPayeeId()
    const reserved = aVoucher({ payeeId })
    const pending = settling(redeemed(aVoucher({ payeeId })))
    const open = redeemed(aVoucher({ payeeId }))
    const discarded = discardVoucher(aVoucher({ payeeId }), 'payee', T0).voucher
    const expired = expireVoucher(aVoucher({ payeeId })).voucher
    const resolved = resolveVoucher(redeemed(aVoucher({ payeeId })), aSettlement(), T0).voucher
    const vouchers = [reserved, pending, open, discarded, expired, resolved]
    await engine.store.commit({ vouchers: vouchers.map((voucher) => ({ ...voucher, version: 1 })) })

    const at = async (status: VoucherFilter['status'], nowMs: number) =>
      ids(await engine.store.vouchers(filter({ party: { payerId: null, payeeId }, status, nowMs }))).toSorted()
    const expect = (...rows: Voucher[]) => ids(rows).toSorted()
    assert.deepEqual(await at('RESERVED', reserved.expiresAtMs - 1), expect(reserved))
    assert.deepEqual(await at('RESERVED', reserved.expiresAtMs), [])
    assert.deepEqual(await at('EXPIRED', reserved.expiresAtMs - 1), expect(expired))
    assert.deepEqual(await at('EXPIRED', reserved.expiresAtMs), expect(expired, reserved))
    assert.deepEqual(await at('REDEEMED', open.expiresAtMs - 1), expect(pending, open))
    assert.deepEqual(await at('REDEEMED', open.expiresAtMs), expect(pending))
    assert.deepEqual(await at('EXPIRED', open.expiresAtMs), expect(expired, reserved, open))
    assert.deepEqual(await at('DISCARDED', open.expiresAtMs), expect(discarded))
    assert.deepEqual(await at('RESOLVED', open.expiresAtMs), expect(resolved))
    assert.equal((await at(null, open.expiresAtMs)).length, 6)
  })

  test('order, session and code narrow the list, but never beyond the party', async () => {
    const payeeId = randomPayeeId()
    const party = { payerId: null, payeeId }
    const sessionId = `ses_${randomPayeeId()}`
    const orderId = `order ${randomPayeeId()}`
    const inSession = aVoucher({ payeeId, sessionId, nowMs: T0 })
    const ordered = { ...redeemed(aVoucher({ payeeId, nowMs: T0 + 1 }), { orderId }), version: 1 }
    const both = { ...redeemed(aVoucher({ payeeId, sessionId, nowMs: T0 + 2 }), { orderId }), version: 1 }
    const plain = aVoucher({ payeeId, nowMs: T0 + 3 })
    const others = { ...redeemed(aVoucher({ payeeId: randomPayeeId(), sessionId }), { orderId }), version: 1 }
    await engine.store.commit({ vouchers: [inSession, ordered, both, plain, others] })

    const of = async (given: Partial<VoucherFilter>) => ids(await engine.store.vouchers(filter({ party, ...given })))
    assert.deepEqual(await of({ orderId }), ids([both, ordered]))
    assert.deepEqual(await of({ sessionId }), ids([both, inSession]))
    assert.deepEqual(await of({ sessionId, orderId }), ids([both]))
    assert.deepEqual(await of({ code: plain.code }), ids([plain]))
    assert.deepEqual(await of({ code: others.code }), [])
    assert.deepEqual(await of({ sessionId, code: inSession.code }), ids([inSession]))
    assert.deepEqual(await of({ sessionId, status: 'REDEEMED', limit: 5 }), ids([both]))
    assert.deepEqual(await of({ sessionId, party: { payerId: null, payeeId: null } }), [])
    assert.deepEqual(
      ids(await engine.store.vouchersOf(sessionId, { limit: 100, offset: 0 })),
      ids([inSession, others, both]),
    )
  })

  test('an order id that comes with redemption is found', async () => {
    const voucher = aVoucher({ payeeId: randomPayeeId() })
    const orderId = `order ${voucher.id}`
    await engine.store.commit({ vouchers: [voucher] })
    await engine.store.commit({ vouchers: [redeemed(voucher, { orderId })] })
    const found = await engine.store.vouchers(filter({ party: { payerId: null, payeeId: voucher.payeeId }, orderId }))
    assert.deepEqual(found, [redeemed(voucher, { orderId })])
  })
}

function otherLists(engine: Engine): void {
  test('a payer lists its contexts, newest first', async () => {
    const payerId = `usr_${randomPayeeId()}`
    const contexts = [0, 1, 2].map((minute) => aContext({ payerId, nowMs: T0 + minute * MINUTE_MS }))
    await engine.store.commit({ contexts: [...contexts, aContext()] })
    assert.deepEqual(await engine.store.contexts({ ...WHOLE_LIST, payerId }), contexts.toReversed())
    assert.deepEqual(
      await engine.store.contexts({ limit: 1, offset: 1, sinceMs: T0, untilMs: T0 + 2 * MINUTE_MS, payerId }),
      contexts.slice(0, 1),
    )
  })

  test('a party lists its sessions, of all contexts or of one', async () => {
    const payeeId = randomPayeeId()
    const payerId = `usr_${randomPayeeId()}`
    const contextId = `ctx_${randomPayeeId()}`
    const first = aSession({ payeeId, contextId, nowMs: T0 })
    const second = aSession({ payeeId, payerId, nowMs: T0 + 1 })
    const third = aSession({ payerId, contextId, payeeId: randomPayeeId(), nowMs: T0 + 2 })
    await engine.store.commit({ sessions: [first, second, third] })
    const of = (given: Partial<SessionFilter>) =>
      engine.store.sessions({ ...WHOLE_LIST, party: { payerId, payeeId }, contextId: null, ...given })

    assert.deepEqual(await of({}), [third, second, first])
    assert.equal(await engine.store.haveMet(payerId, payeeId), true)
    assert.equal(await engine.store.haveMet(payerId, third.payeeId), true)
    assert.equal(await engine.store.haveMet(first.payerId, third.payeeId), false)
    assert.deepEqual(await of({ contextId }), [third, first])
    assert.deepEqual(await of({ contextId, party: { payerId: null, payeeId } }), [first])
    assert.deepEqual(await of({ party: { payerId, payeeId: null }, limit: 1 }), [third])
    assert.deepEqual(await of({ party: { payerId: null, payeeId: null } }), [])

    await engine.store.commit({ sessions: [closeSession(third, T0 + 3)] })
    assert.deepEqual(await engine.store.openSessionsOf(contextId, 100), [first])
  })
}

function sweep(engine: Engine): void {
  test('vouchers lapse when the clock ends them, the earliest first', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const reserved = aVoucher()
    const paid = redeemed(aVoucher())
    const pending = settling(redeemed(aVoucher()))
    const done = discardVoucher(aVoucher(), 'payee', T0).voucher
    await store.commit({ vouchers: [paid, reserved, pending, done].map((voucher) => ({ ...voucher, version: 1 })) })

    const lapsed = async (nowMs: number, limit = 10) => (await store.lapsedVouchers(nowMs, limit)).map(({ id }) => id)
    assert.deepEqual(await lapsed(reserved.expiresAtMs - 1), [])
    assert.deepEqual(await lapsed(reserved.expiresAtMs), [reserved.id])
    assert.deepEqual(await lapsed(paid.expiresAtMs), [reserved.id, paid.id])
    assert.deepEqual(await lapsed(paid.expiresAtMs, 1), [reserved.id])

    await store.commit({ vouchers: [expireVoucher(reserved).voucher] })
    assert.deepEqual(await lapsed(paid.expiresAtMs), [paid.id])
  })

  test('a settlement is watched while it is PENDING, the longest untouched first', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const first = settling(redeemed(aVoucher()), T0 + 1)
    const second = settling(redeemed(aVoucher()), T0 + 2)
    const third = settling(redeemed(aVoucher()), T0 + 3)
    await store.commit({ vouchers: [third, first, second].map((voucher) => ({ ...voucher, version: 1 })) })
    const watched = async (limit: number, after?: WatchPlace) => (await store.watched(limit, after)).map(({ id }) => id)
    assert.deepEqual(await watched(10), [first.id, second.id, third.id])
    assert.deepEqual(await watched(2), [first.id, second.id])
    const [, place] = await store.watched(2)
    assert.deepEqual(place, { id: second.id, changedAtMs: second.updatedAtMs, ...watchNoteOf(second) })
    assert.deepEqual(await watched(2, place), [third.id])
    assert.deepEqual(await watched(2, { id: first.id, changedAtMs: 0 }), [first.id, second.id])

    const touched = trackSettlement({ ...first, version: 1 }, aSettlement({ status: 'PENDING' }), T0 + 4)
    await store.commit({ vouchers: [touched] })
    assert.deepEqual(await watched(10), [second.id, third.id, first.id])

    const resolved = resolveVoucher(touched, aSettlement({ status: 'PENDING' }), T0 + 5).voucher
    await store.commit({ vouchers: [resolved] })
    assert.deepEqual(await watched(10), [second.id, third.id, first.id])
    await store.commit({ vouchers: [confirmSettlement(resolved, aSettlement(), T0 + 6).voucher] })
    assert.deepEqual(await watched(10), [second.id, third.id])
  })

  test('context codes lapse once, sessions while they are open', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const [late, early, closed] = [aContext({ nowMs: T0 + 1 }), aContext(), aContext()]
    const [open, shut] = [aSession(), aSession()]
    await store.commit({ contexts: [late, early, closed], sessions: [open, shut] })
    await store.commit({ contexts: [closeContext(closed, null, T0)], sessions: [closeSession(shut, T0)] })

    assert.deepEqual(await store.lapsedContextCodes(early.codeExpiresAtMs - 1, 10), [])
    assert.deepEqual(await store.lapsedContextCodes(early.codeExpiresAtMs, 10), [early])
    assert.deepEqual(await store.lapsedContextCodes(late.codeExpiresAtMs, 10), [early, late])
    assert.deepEqual(await store.lapsedContextCodes(late.codeExpiresAtMs, 1), [early])
    await store.commit({ contexts: [releaseContextCode(early)] })
    assert.deepEqual(await store.lapsedContextCodes(late.codeExpiresAtMs, 10), [late])

    assert.deepEqual(await store.lapsedSessions(open.closesAtMs - 1, 10), [])
    assert.deepEqual(await store.lapsedSessions(open.closesAtMs, 10), [open])
  })

  test('forgetting takes what may be forgotten, and money never', async (t) => {
    const { store, destroy } = await engine.fresh()
    t.after(destroy)
    const answers = Array.from({ length: 1100 }, () => anAnswer({ expiresAtMs: T0 }))
    const kept = anAnswer({ expiresAtMs: T0 + 1 })
    const money = aClaim()
    const [over, running] = [aClaim({ forgetAtMs: T0 }), aClaim({ forgetAtMs: T0 + 1 })]
    const prolonged = aClaim({ forgetAtMs: T0 })
    await Promise.all([...answers, kept].map((answer) => store.commit({ answer })))
    await store.commit({ claims: [money, over, running, prolonged] })
    await store.commit({
      claims: [
        { ...money, forgetAtMs: T0 },
        { ...prolonged, forgetAtMs: null },
      ],
    })
    await store.forget(T0)

    assert.equal(await store.answer(answers[0]?.scope ?? '', T0 - 1), null)
    assert.equal(await store.answer(answers[1099]?.scope ?? '', T0 - 1), null)
    assert.deepEqual(await store.answer(kept.scope, T0), kept)
    const owners = await store.claimOwners([money.key, over.key, running.key, prolonged.key])
    assert.deepEqual([...owners.keys()].toSorted(), [money.key, running.key, prolonged.key].toSorted())
    await store.commit({ claims: [{ ...over, ownerId: 'somebody else' }] })
  })
}

function durability(engine: Engine): void {
  test('everything is there after the store was opened again', async (t) => {
    const opened = await engine.fresh()
    t.after(opened.destroy)
    const [voucher, answer, claim, event] = [aVoucher(), anAnswer(), aClaim(), anEvent()]
    await opened.store.commit({ vouchers: [voucher], answer, claims: [claim], events: [event] })
    const log = await logOf(opened.store, 1)

    const store = await opened.reopen()
    assert.deepEqual(await store.voucher(voucher.id), voucher)
    assert.deepEqual(await store.answer(answer.scope, T0), answer)
    assert.deepEqual([...(await store.claimOwners([claim.key]))], [[claim.key, claim.ownerId]])
    assert.deepEqual(log[0]?.event, event)
    assert.deepEqual(await store.events(null, 10), log)
    await rejectsWith(store.commit({ vouchers: [aVoucher({ code: voucher.code })] }), 'code')
  })

  test('closing commits what is under way, and nothing after', async (t) => {
    const opened = await engine.fresh()
    t.after(opened.destroy)
    const vouchers = Array.from({ length: 600 }, () => aVoucher({ payeeId: PAYEE_ID }))
    const commits = vouchers.map((voucher) => opened.store.commit({ vouchers: [voucher] }))
    await Promise.all([...commits, opened.store.close(), opened.store.close()])
    await assert.rejects(opened.store.commit({ vouchers: [aVoucher()] }), /closed/)

    const store = await opened.reopen()
    for (const voucher of vouchers) assert.deepEqual(await store.voucher(voucher.id), voucher)
  })
}
