import { type Static, type TSchema, Type } from 'typebox'
import { AMOUNT_MAX_LENGTH } from './amounts.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'

/**
 * What goes over the wire, once: validation, the static types, the serializer and the reference docs all come from here.
 * Bodies name what is read; other fields are ignored.
 */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ description: 'ISO 8601 in UTC with milliseconds', examples: ['2026-06-09T12:00:00.000Z'] })
/** 32 bytes in base64url, without padding. */
const BASE64URL_256_BITS = '^[A-Za-z0-9_-]{43}$'
/** A name that callers give, without control characters: people read it, and not every database takes a NUL. */
const Label = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]+$', ...(description && { description }) })
/** One of the words that the server says; it is not validated, for nobody else says it. */
const Word = <T extends string>(words: readonly T[], description?: string) =>
  Type.Unsafe<T>(Type.String({ enum: [...words], ...(description !== undefined && { description }) }))
const Said = (description: string) => Type.String({ description })
const Version = Type.Integer({ description: 'Grows with each change' })
const SpokenCode = Said('What people tell each other: six characters, letters folded')
const ComparedCode = Type.String({ description: 'Six digits, which payer and payee compare', examples: ['482916'] })
const PayeeId = Said('Whom it is of: 64 hex digits, new with each sign-in by a code')
const CurrencyAddress = Type.String({
  maxLength: 128,
  description: 'The token\'s contract, "" for the native coin; found by the server where there is one that fits',
})
const Info = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Anything the payee wants the payer to see, such as a name; 8 KiB of JSON at most',
})

// ── auth ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What `data` holds depends on `type`; the use case reads it by the schemas below. */
export const TypedDataBody = Type.Object({ type: Type.String(), data: Type.Object({}) })

const Email = Type.String({ minLength: 3, maxLength: 128, pattern: '^[^\\s@]+@[^\\s@]+$' })
const InstallationId = Type.String({ minLength: 32, maxLength: 128 })

export const EmailPasswordData = Type.Object({
  email: Email,
  password: Type.String({ minLength: 8, maxLength: 256 }),
})
export const DeviceSignInData = Type.Object({
  installationId: InstallationId,
  password: Type.String({ minLength: 32, maxLength: 256 }),
})
export const DeviceSignUpData = Type.Object({
  ...DeviceSignInData.properties,
  platform: Type.Union([Type.Literal('ios'), Type.Literal('android')]),
  challenge: Type.String({ minLength: 48, maxLength: 48 }),
  assertionToken: Type.String({ minLength: 1, maxLength: 10_240 }),
  assertionKeyId: Type.Optional(Type.String({ minLength: 32, maxLength: 64 })),
})
/**
 * A contract may take any bytes as its signature: one word per owner, a passkey's, what deploys it first (ERC-6492), or none
 * at all where its owners have approved beforehand.
 */
const WalletSignature = (description: string) =>
  Type.String({ minLength: 2, maxLength: 8192, pattern: '^0x([0-9a-fA-F]{2})*$', description })

export const ResourceData = Type.Object({ resource: Type.String({ minLength: 4, maxLength: 128 }) })
export const WalletData = Type.Object({
  message: Type.String({ minLength: 1, maxLength: 4096 }),
  signature: WalletSignature(
    'Of `message`, as EIP-191 has it, or what the contract at the address takes as one (ERC-1271)',
  ),
})

export const AccountView = Type.Object({ id: Type.String(), role: Type.String(), createdAt: Time, updatedAt: Time })
export const AuthorizationView = Type.Object({ authorization: Type.Object({ token: Type.String() }) })
export const ChallengeView = Type.Object({ challenge: Type.String() })

export const CreateApiKeyBody = Type.Object({
  name: Label(100),
  ownerId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'For the operator only' })),
})
export const ApiKeyView = Type.Object({
  id: Type.String(),
  ownerId: Said('The account that it acts for'),
  name: Said('What it is for'),
  prefix: Said('How the key begins, to tell it from others'),
  createdAt: Time,
  revokedAt: Nullable(Time),
})
export const NewApiKeyView = Type.Object({
  ...ApiKeyView.properties,
  key: Type.String({ description: 'Shown this once' }),
})

// ── what lists take ─────────────────────────────────────────────────────────────────────────────────────────────────

const UnixMs = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000, description: 'Unix milliseconds' })

export const PageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
  since: Type.Optional(UnixMs),
  until: Type.Optional(UnixMs),
})

export const ApiKeyQuery = Type.Object({
  ...PageQuery.properties,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'How many at most; 1000 by default' })),
})

// ── contexts ────────────────────────────────────────────────────────────────────────────────────────────────────────

const Address = Type.String({ minLength: 1, maxLength: 128, examples: ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8'] })
export const Wallet = Type.Object({ address: Address })

export const OpenContextBody = Type.Object({
  format: Type.Union([Type.Literal('numeric'), Type.Literal('alphanum'), Type.Literal('alphanumeric')]),
  payers: Type.Array(Wallet, { minItems: 1, maxItems: 10, description: 'The addresses that may pay' }),
  invitation: Type.Optional(
    Type.String({
      pattern: BASE64URL_256_BITS,
      description: 'What a payee showed, so that it finds this context; once only',
    }),
  ),
})
export const FindContextBody = Type.Object({
  secret: Type.String({
    pattern: BASE64URL_256_BITS,
    description: 'The invitation is the SHA-256 hash of this text, in base64url (RFC 7636, S256)',
  }),
})
export const FoundContextView = Type.Object({
  code: Nullable(SpokenCode),
  expiresAt: Nullable(Time),
})
export const CloseContextBody = Type.Object({
  payeeId: Nullable(
    Type.String({
      minLength: 64,
      maxLength: 64,
      description: 'The payee whom the payer names, if any; kept and shown',
    }),
  ),
})
export const ContextView = Type.Object({
  id: Type.String(),
  code: SpokenCode,
  status: Word(['OPEN', 'CLOSED'], 'Vouchers go on when it is CLOSED'),
  format: Word(['numeric', 'alphanum']),
  payers: Type.Array(Wallet, { description: 'The addresses that may pay' }),
  payeeId: Type.Optional(Said('The payee whom the payer named when closing')),
  version: Version,
  createdAt: Time,
  updatedAt: Time,
  expiresAt: Time,
})

// ── vouchers ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Malformed codes are `invalid_code`, not `validation_failed`: the use case decides. */
const ContextCode = Type.String({ maxLength: 64, description: 'The six characters that the payer told' })

export const ReserveVoucherBody = Type.Object({ code: ContextCode })

const Amount = Type.String({
  maxLength: AMOUNT_MAX_LENGTH,
  description: 'Decimal string in whole units',
  examples: ['100'],
})
const NetworkName = Type.String({ minLength: 1, maxLength: 64, examples: ['polygon'] })
const CurrencyName = Type.String({ minLength: 1, maxLength: 64, description: 'Its symbol', examples: ['EURC'] })

export const ExpectedPayment = Type.Object({
  network: Type.Optional(NetworkName),
  currency: CurrencyName,
  currencyAddress: Type.Optional(CurrencyAddress),
  amount: Amount,
  wallet: Wallet,
})

/** What the calls of a CUSTOM voucher may have of data together: far more than a wallet's call has, far less than a body. */
export const MAX_CALL_DATA_BYTES = 16 * 1024

const Call = Type.Object({
  from: Type.Literal('{payer}'),
  to: Address,
  value: Type.String({ maxLength: 78, pattern: '^(0|[1-9][0-9]*)$', description: 'Wei, as a decimal string' }),
  data: Type.String({
    maxLength: 2 + 2 * MAX_CALL_DATA_BYTES,
    pattern: '^0x([0-9a-fA-F]{2})*$',
    description: 'The call, ABI-encoded; all calls of a voucher have 16 KiB together at most',
  }),
})

const CustomNetworkSchema = Type.Object({
  network: NetworkName,
  type: Type.Union([Type.Literal('evm'), Type.Literal('solana')]),
  chainId: Type.String({ minLength: 1, maxLength: 64 }),
})
const CustomPayment = Type.Object({ type: Type.Literal('send_transaction'), input: Call })
const CustomExtra = Type.Object({
  type: Type.Union([Type.Literal('send_transaction'), Type.Literal('call_transaction')]),
  input: Call,
})

export const RedeemVoucherBody = Type.Object({
  expectedPayment: Type.Optional(ExpectedPayment),
  networks: Type.Optional(
    Type.Array(CustomNetworkSchema, { maxItems: 3, description: 'CUSTOM: where it can be paid, from 1 to 3' }),
  ),
  payments: Type.Optional(Type.Array(CustomPayment, { maxItems: 1, description: 'CUSTOM: the call that is paid for' })),
  extras: Type.Optional(
    Type.Array(CustomExtra, { maxItems: 5, description: 'CUSTOM: what may be called besides; not proved' }),
  ),
  payeeInfo: Type.Optional(Info),
  orderId: Type.Optional(Label(128, "The payee's own name for it; vouchers are found by it")),
})

/** What the payer would rather pay with. The amount is the server's to say, so what stands there is not read. */
export const NegotiateVoucherBody = Type.Object({
  suppliedPayment: Type.Object({
    network: Type.Optional(NetworkName),
    currency: CurrencyName,
    currencyAddress: Type.Optional(CurrencyAddress),
    amount: Type.Optional(Type.String({ maxLength: AMOUNT_MAX_LENGTH, description: 'Not read: the server says it' })),
    wallet: Wallet,
  }),
})

export const SignVoucherBody = Type.Object({
  publicKey: Type.String({ minLength: 1, maxLength: 256, description: 'One of the addresses that may pay' }),
  signature: WalletSignature(
    'Of `signingMessage`, as EIP-191 has it, or what the contract at the address takes as one (ERC-1271)',
  ),
})

const TransactionHash = Type.String({ pattern: '^0x[0-9a-fA-F]{64}$', description: 'Of what the wallet has sent' })
export const Receipt = Type.Object({
  paymentId: Type.String({ minLength: 1, maxLength: 64, description: 'The `id` of one of the `payments`' }),
  transactionHash: Type.Optional(TransactionHash),
  signedTransaction: Type.Optional(
    Type.String({ pattern: '^0x([0-9a-fA-F]{2})+$', description: 'Checked first, and then sent by the server' }),
  ),
  signature: Type.Optional(WalletSignature('Of one of the payment’s alternatives')),
})
export const ResolveVoucherBody = Type.Object({
  receipts: Type.Array(Receipt, { minItems: 1, maxItems: 5, description: 'One for each payment' }),
})

/** As many as a checkout may have; each voucher still takes its own few. */
export const ResolveSessionBody = Type.Object({ receipts: Type.Array(Receipt, { minItems: 1, maxItems: 100 }) })

export const InteropQuery = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 64 })),
  paymentIndex: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  vid: Type.Optional(Type.String({ maxLength: 64 })),
})
export const InteropInitBody = Type.Object({ signature: Type.Optional(Type.String({ minLength: 1, maxLength: 8192 })) })
export const InteropInitView = Type.Object({ id: Type.String() })
export const InteropInfoView = Type.Object({ status: Type.String() })

export const VoucherQuery = Type.Object({
  ...PageQuery.properties,
  status: Type.Optional(
    Type.Union([
      Type.Literal('RESERVED'),
      Type.Literal('REDEEMED'),
      Type.Literal('RESOLVED'),
      Type.Literal('DISCARDED'),
      Type.Literal('EXPIRED'),
    ]),
  ),
  orderId: Type.Optional(Type.String({ maxLength: 128 })),
  sessionId: Type.Optional(Type.String({ maxLength: 64 })),
  code: Type.Optional(Type.String({ maxLength: 64 })),
})

const VoucherStatus = Word(
  ['RESERVED', 'REDEEMED', 'RESOLVED', 'DISCARDED', 'EXPIRED'],
  'REDEEMED: the payee has said what it expects; RESOLVED: it is paid',
)

export const ReservedView = Type.Object({
  id: Type.String(),
  code: ComparedCode,
  status: VoucherStatus,
  expiresAt: Time,
})

const Money = { currency: Type.String(), currencyAddress: Type.String({ description: '"" for the native coin' }) }

/** A call as the payer reads it. */
export type CallView = {
  known: boolean
  contract: string
  selector?: string
  standard?: string
  function?: string
  args?: { name: string; type: string; value: unknown; amount?: string }[]
  value?: string
  calls?: CallView[]
}

/** Calls that make calls are shown to this depth. */
const CALL_DEPTH = 3

const callView = (depth: number): TSchema =>
  Type.Object({
    known: Type.Boolean(),
    contract: Type.String(),
    selector: Type.Optional(Type.String({ description: 'What there is of the first four bytes of an unknown call' })),
    standard: Type.Optional(Type.String({ examples: ['ERC-20'] })),
    function: Type.Optional(Type.String()),
    args: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String(),
          type: Type.String(),
          value: Type.Unknown({ description: 'A string; the parts of a struct or a list, each as an argument' }),
          amount: Type.Optional(Type.String({ examples: ['100 USDC'] })),
        }),
      ),
    ),
    value: Type.Optional(Type.String({ description: 'What it sends of the native coin' })),
    ...(depth > 0 && { calls: Type.Optional(Type.Array(callView(depth - 1))) }),
  })

export const FeeView = Type.Object({
  ...Money,
  amount: Amount,
  to: Type.String({ description: 'operator or exchange' }),
})

export const ReviewView = Type.Object({
  leaves: Type.Array(Type.Object({ ...Money, amount: Amount, maxAmount: Type.Optional(Amount) }), {
    description: "What leaves the payer's wallet",
  }),
  arrives: Type.Array(Type.Object({ ...Money, amount: Amount, minAmount: Type.Optional(Amount), wallet: Wallet })),
  allows: Type.Array(
    Type.Object({ ...Money, amount: Nullable(Amount), spender: Type.String() }, { description: 'Null: without limit' }),
  ),
  fees: Type.Array(FeeView),
  gas: Type.Object({ currency: Type.String(), amount: Type.Null({ description: 'On top, and known to nobody yet' }) }),
  complete: Type.Boolean({ description: 'Nothing else can move, gas aside' }),
  worstCase: Type.String({ description: 'One plain sentence' }),
  call: Type.Optional(Type.Unsafe<CallView>(callView(CALL_DEPTH))),
})

export const AlternativeView = Type.Object({
  type: Type.String({ examples: ['eip-3009', 'eip-2612'] }),
  from: Type.String({ description: 'The wallet that is to sign' }),
  typedData: Type.Object(
    {
      domain: Type.Record(Type.String(), Type.Unknown()),
      types: Type.Record(Type.String(), Type.Array(Type.Object({ name: Type.String(), type: Type.String() }))),
      primaryType: Type.String(),
      message: Type.Record(Type.String(), Type.String()),
    },
    { description: 'As eth_signTypedData_v4 takes it' },
  ),
  validBefore: Time,
})

export const PaymentView = Type.Object({
  id: Said('What its receipt names'),
  type: Type.String({ examples: ['send_transaction'] }),
  network: Type.String({ examples: ['polygon'] }),
  chainId: Nullable(Type.Integer()),
  input: Type.Object(
    {
      from: Said('{payer}: the wallet puts in its own address'),
      to: Type.String(),
      value: Said('Wei, as a decimal string'),
      data: Said('The call, ABI-encoded'),
    },
    { description: 'The transaction, to be signed as it stands' },
  ),
  summary: Said('One plain sentence'),
  review: Type.Optional(ReviewView),
  alternatives: Type.Optional(
    Type.Array(AlternativeView, { description: 'What the payer can sign instead, without gas; shown to the payer' }),
  ),
})

/** What the payer pays with. What a quote adds is there where there is one. */
export const SuppliedPaymentView = Type.Object({
  network: Type.String(),
  currency: Type.String(),
  currencyAddress: Type.String(),
  amount: Type.String({ description: 'What it all costs at the rate of the quote, fees included' }),
  wallet: Wallet,
  maxAmount: Type.Optional(Type.String({ description: 'The most that can be taken: beyond it the swap reverts' })),
  quoteId: Type.Optional(Said('Names the quote; negotiating again makes another')),
  source: Type.Optional(Type.String({ description: 'Who named the price' })),
  rate: Type.Optional(Type.String({ description: 'Units supplied for one unit that the payee gets, fees included' })),
  slippageBps: Type.Optional(Type.Integer({ description: 'How much worse the price may get, in 1/10 000' })),
  feeBps: Type.Optional(Type.Integer({ description: "The operator's fee, of what the payee gets" })),
  fees: Type.Optional(Type.Array(FeeView)),
  expiresAt: Type.Optional(Time),
})

export const SimulationView = Type.Object({
  status: Type.Union(
    [Type.Literal('OK'), Type.Literal('NO_EFFECT'), Type.Literal('REVERTS'), Type.Literal('UNKNOWN')],
    {
      description:
        'How it would end if it were sent now; NO_EFFECT: it would succeed and do nothing, or bring the payee less than it asked',
    },
  ),
  reason: Type.Optional(Said('What the contract said')),
  arrives: Type.Optional(
    Type.String({ description: 'What would arrive, in whole units, where that is less than the payment is for' }),
  ),
})

export const ReviewQuery = Type.Object({
  wallet: Type.Optional(Type.String({ maxLength: 128, description: 'Which address of the payer is to pay' })),
})

/** What the payer reads before the wallet is asked. */
export const VoucherReviewView = Type.Object({
  id: Type.String(),
  code: Type.String(),
  status: Type.String(),
  payments: Type.Array(
    Type.Object({
      paymentId: Type.String(),
      summary: Type.String(),
      review: ReviewView,
      simulation: SimulationView,
    }),
  ),
  warnings: Type.Array(
    Type.Object({
      code: Word(
        ['PAYMENT_OBSERVED', 'MAY_STILL_BE_MINED', 'WALLET_UNPROVABLE'],
        'PAYMENT_OBSERVED: see the observedPayments of the voucher; MAY_STILL_BE_MINED: paying again may pay twice; WALLET_UNPROVABLE: what the code of this wallet pays cannot be shown on this network',
      ),
      transactionHash: Type.Optional(Type.String()),
      message: Said('To be shown before the wallet is asked'),
    }),
    { description: 'What speaks against paying now, such as money that has moved already; mostly empty' },
  ),
})

export const SettlementView = Type.Object({
  status: Word(
    ['PENDING', 'CONFIRMED', 'FAILED', 'UNVERIFIED'],
    'CONFIRMED: as deep as required; FAILED: it has not paid, and the payer may pay again, after a look at mayStillBeMined; UNVERIFIED: no node was asked',
  ),
  confirmations: Type.Integer({ description: 'Blocks, its own included' }),
  required: Type.Union([Type.Integer(), Type.String()], {
    description: 'How many, or a word of the chain: "finalized"',
  }),
  transactions: Type.Array(
    Type.Object({
      paymentId: Type.String(),
      transactionHash: Nullable(Type.String()),
      blockNumber: Nullable(Type.Integer()),
      blockHash: Nullable(Type.String()),
    }),
  ),
  failure: Type.Optional(Said('Why, with FAILED')),
  confirmedAt: Nullable(Time),
})

export const ObservedPaymentView = Type.Object({
  paymentId: Type.String(),
  transactionHash: Type.String(),
  from: Said('The address of the payer that paid: where it can be given back to'),
  reason: Word(
    ['UNDERPAID', 'OVERPAID', 'DUPLICATE', 'UNPROVEN'],
    'UNDERPAID, OVERPAID: not the amount that was asked; DUPLICATE: paid before by another transaction, or by other parts of this one; UNPROVEN: it seems to have paid, but the node cannot show it',
  ),
  amount: Nullable(
    Type.String({ description: 'What reached the payee, in whole units; null where that is not known' }),
  ),
  detail: Said('Why it does not count, in plain words'),
  blockNumber: Type.Integer(),
  observedAt: Time,
})

export const VoucherView = Type.Object({
  id: Type.String(),
  code: ComparedCode,
  status: VoucherStatus,
  type: Type.Optional(Word(['SIMPLE', 'CUSTOM'], 'SIMPLE: an amount of a currency; CUSTOM: a call of a contract')),
  version: Version,
  contextId: Type.String(),
  sessionId: Type.Optional(Said('Where it was reserved in one')),
  payeeId: PayeeId,
  payers: Type.Array(Wallet, { description: 'The addresses that may pay' }),
  expectedPayment: Type.Optional(
    Type.Object(
      {
        network: Type.String(),
        currency: Type.String(),
        currencyAddress: Type.String(),
        amount: Type.String(),
        wallet: Wallet,
      },
      { description: 'SIMPLE: what the payee gets, to the last digit' },
    ),
  ),
  suppliedPayment: Type.Optional(SuppliedPaymentView),
  networks: Type.Optional(Type.Array(CustomNetworkSchema, { description: 'CUSTOM: where it can be paid' })),
  payments: Type.Optional(Type.Array(PaymentView, { description: 'What the wallet sends, in this order' })),
  extras: Type.Optional(Type.Array(CustomExtra, { description: 'CUSTOM: what may be called besides' })),
  payeeInfo: Type.Optional(Info),
  orderId: Type.Optional(Said("The payee's own name for it")),
  signingMessage: Type.Optional(Type.String({ description: 'What sign-voucher signs, as an EIP-191 message' })),
  signature: Type.Optional(
    Type.Object(
      { publicKey: Type.String(), signature: Type.String(), signedAt: Time },
      { description: 'What sign-voucher has verified' },
    ),
  ),
  settlement: Type.Optional(SettlementView),
  mayStillBeMined: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Transactions that were handed in and are waited for no more, though their nonces are unused: to be shown before a second payment',
    }),
  ),
  observedPayments: Type.Optional(
    Type.Array(ObservedPaymentView, {
      description: 'What moved from the payer to the payee without resolving the voucher, oldest first',
    }),
  ),
  late: Type.Optional(Type.Boolean({ description: 'The chain proved the payment after the voucher had ended' })),
  discardedBy: Type.Optional(
    Word(['payer', 'payee'], 'Who called a DISCARDED voucher off; older ones do not say. payer: it has refused to pay'),
  ),
  createdAt: Time,
  updatedAt: Time,
  expiresAt: Time,
})
/** What redeem and resolve answer: the whole voucher, of which the documented fields are a part. */
export const VoucherList = Type.Array(VoucherView)

// ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[]

export const ProblemView = Type.Object({
  type: Said('A URI for the kind of problem'),
  title: Said('The kind of problem in words'),
  status: Type.Integer({ description: 'The HTTP status' }),
  detail: Said('What is wrong this time, and what to do'),
  code: Word(PROBLEM_CODES, 'The kind of problem in one word, for programs'),
  errors: Type.Optional(
    Type.Array(Type.Object({ path: Type.String({ examples: ['/expectedPayment/amount'] }), message: Type.String() }), {
      description: 'Which fields, with validation_failed',
    }),
  ),
})

// ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const OpenSessionBody = Type.Object({
  code: ContextCode,
  type: Type.Optional(Type.Literal('SESSION_DEFAULT')),
  payeeInfo: Type.Optional(Info),
})
export const SessionView = Type.Object({
  id: Type.String(),
  code: SpokenCode,
  status: Word(['OPEN', 'CLOSED'], 'Its vouchers go on when it is CLOSED'),
  type: Word(['SESSION_DEFAULT']),
  version: Version,
  contextId: Type.String(),
  payeeId: PayeeId,
  payeeInfo: Type.Optional(Info),
  joinedAt: Nullable(Time),
  vouchers: Type.Optional(
    Type.Array(VoucherView, { description: 'A page of those reserved in it, oldest first; not in lists of sessions' }),
  ),
  hasMoreVouchers: Type.Optional(
    Type.Literal(true, { description: 'There is more of them than this page; `offset` leads on' }),
  ),
  createdAt: Time,
  updatedAt: Time,
  closesAt: Time,
})
export const SessionQuery = Type.Object({
  ...PageQuery.properties,
  contextId: Type.Optional(Type.String({ maxLength: 64 })),
})

/** Which of a session's vouchers: they are oldest first. */
export const SessionVouchersQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'How many vouchers at most; 1000 by default' }),
  ),
  offset: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'How many of the oldest vouchers to leave out' }),
  ),
})

export const SessionPaymentsQuery = Type.Object({
  wallet: Type.Optional(Address),
  ...SessionVouchersQuery.properties,
})

/** What a wallet is asked for through EIP-1193, as EIP-5792 has it. */
const SendCallsRequest = Type.Object({
  method: Type.Literal('wallet_sendCalls'),
  params: Type.Tuple([
    Type.Object({
      version: Type.Literal('2.0.0'),
      from: Type.String(),
      chainId: Type.String({ examples: ['0x89'] }),
      atomicRequired: Type.Literal(true),
      calls: Type.Array(Type.Object({ to: Type.String(), value: Type.String(), data: Type.String() })),
    }),
  ]),
})

export const BatchView = Type.Object({
  network: Type.String(),
  chainId: Type.Integer(),
  voucherIds: Type.Array(Type.String(), { description: 'The vouchers that it pays, each in full' }),
  paymentIds: Type.Array(Type.String(), {
    description:
      "What the receipts name, each with the transaction's hash; one for each call, in the order of the calls",
  }),
  expiresAt: Nullable(Time),
  request: SendCallsRequest,
  simulation: Type.Object({
    ...SimulationView.properties,
    paymentId: Type.Optional(Type.String({ description: 'The first payment that would not end well' })),
  }),
})

export const SessionPaymentsView = Type.Object({
  sessionId: Type.String(),
  wallet: Type.String(),
  vouchers: Type.Array(
    Type.Object({ voucherId: Type.String(), code: Type.String(), expiresAt: Time, payments: Type.Array(PaymentView) }),
    { description: 'All that is still to be paid, in the order in which the vouchers were reserved' },
  ),
  batches: Type.Array(BatchView, { description: 'What one signature pays on each chain' }),
  separate: Type.Array(
    Type.Object({
      voucherId: Type.String(),
      paymentIds: Type.Array(Type.String()),
      reason: Type.String({ examples: ['native_coin'] }),
      detail: Type.String({ description: 'Why, and what to do instead' }),
    }),
    { description: 'What is in no batch' },
  ),
})

export const SessionResolvedView = Type.Object({
  sessionId: Type.String(),
  results: Type.Array(
    Type.Object({
      voucherId: Type.String(),
      voucher: Type.Optional(VoucherView),
      problem: Type.Optional(ProblemView),
    }),
    { description: 'For each voucher that the receipts name: as it is now, or why its receipts were not taken' },
  ),
})

// ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export const EventsQuery = Type.Object({ lastEventId: Type.Optional(Type.String({ maxLength: 64 })) })

// ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

const WebhookUrl = Type.String({ minLength: 1, maxLength: 2048, examples: ['https://shop.example/sixpence'] })
const Description = Type.String({ maxLength: 500, pattern: '^[^\\u0000-\\u001f\\u007f]*$' })
const EventTypes = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
  maxItems: 50,
  description: 'What to send: types of events; everything where it is empty, missing or holds "*"',
})
const WidgetId = Label(128)

export const CreateWebhookEndpointBody = Type.Object({
  url: WebhookUrl,
  description: Type.Optional(Description),
  events: Type.Optional(EventTypes),
  widgetId: Type.Optional(WidgetId),
})
export const UpdateWebhookEndpointBody = Type.Object({
  url: Type.Optional(WebhookUrl),
  description: Type.Optional(Description),
  events: Type.Optional(EventTypes),
})
export const WebhookEndpointView = Type.Object({
  id: Type.String(),
  url: Type.String(),
  description: Type.String(),
  events: Type.Array(Type.String(), { description: 'The types that are sent; empty or "*": all' }),
  enabled: Type.Boolean({ description: 'Whether anything is sent' }),
  disabledReason: Type.Optional(Type.String({ description: 'Why the server disabled it' })),
  widgetId: Type.Optional(Type.String()),
  createdAt: Time,
  updatedAt: Time,
})
export const NewSecretView = Type.Object({
  ...WebhookEndpointView.properties,
  signingSecret: Type.String({ description: 'Shown this once' }),
})
export const WebhookEndpointQuery = Type.Object({
  ...PageQuery.properties,
  enabled: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')])),
  widgetId: Type.Optional(WidgetId),
})

export const WebhookDeliveryQuery = Type.Object({
  ...PageQuery.properties,
  endpointId: Type.Optional(Type.String({ maxLength: 64 })),
  status: Type.Optional(
    Type.Union([Type.Literal('PENDING'), Type.Literal('DELIVERED'), Type.Literal('RETRYING'), Type.Literal('FAILED')]),
  ),
  eventType: Type.Optional(Type.String({ maxLength: 64 })),
  widgetId: Type.Optional(WidgetId),
})
export const WebhookDeliveryView = Type.Object({
  id: Type.String(),
  eventId: Said('The `webhook-id`'),
  eventType: Type.String({ examples: ['voucher.resolved'] }),
  endpointId: Type.String(),
  widgetId: Type.Optional(Type.String()),
  status: Word(['PENDING', 'DELIVERED', 'RETRYING', 'FAILED'], 'FAILED: it is not tried again by itself'),
  attempts: Type.Integer({ description: 'How often it was tried' }),
  requestUrl: Said('Where it went'),
  requestBody: Type.String({ description: 'The very text that is signed' }),
  responseCode: Nullable(Type.Integer({ description: 'The HTTP status of the last answer' })),
  responseBody: Nullable(Type.String({ description: 'The first 4 KiB' })),
  failure: Type.Optional(Type.String({ description: 'Why the last attempt got no answer' })),
  lastAttemptAt: Nullable(Time),
  nextAttemptAt: Nullable(Time),
  createdAt: Time,
})

// ── finance ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const Route = { srcNetwork: Type.Optional(NetworkName), dstNetwork: Type.Optional(NetworkName) }
const Slice = { limit: PageQuery.properties.limit, offset: PageQuery.properties.offset }

export const NetworkQuery = Type.Object({ network: Type.Optional(NetworkName), ...Route, ...Slice })
export const NetworkView = Type.Object({
  network: Type.String(),
  type: Type.String(),
  chainId: Nullable(Type.Integer()),
  nativeCurrency: Type.Object({ symbol: Type.String(), decimals: Type.Integer() }),
  enabled: Type.Boolean({ description: 'Whether it can be paid with' }),
})
export const CurrencyQuery = Type.Object({
  network: Type.Optional(NetworkName),
  symbol: Type.Optional(Type.String({ maxLength: 64 })),
  address: Type.Optional(Type.String({ maxLength: 128 })),
  ...Route,
  srcSymbol: Type.Optional(Type.String({ maxLength: 64 })),
  dstSymbol: Type.Optional(Type.String({ maxLength: 64 })),
  srcAddress: Type.Optional(Type.String({ maxLength: 128 })),
  dstAddress: Type.Optional(Type.String({ maxLength: 128 })),
  ...Slice,
})
export const CurrencyView = Type.Object({
  symbol: Type.String(),
  network: Type.String(),
  address: Said('"" for the native coin'),
  decimals: Type.Integer({ description: 'The most that an amount may have' }),
  bridgeable: Type.Boolean({
    description: 'Whether payers may pay in another currency for it, or with it for another',
  }),
  enabled: Type.Boolean({ description: 'Whether it can be paid with' }),
})

export const ConvertCurrencyBody = Type.Object({
  sourceNetwork: Type.Optional(NetworkName),
  sourceCurrency: CurrencyName,
  sourceCurrencyAddress: Type.Optional(CurrencyAddress),
  targetNetwork: Type.Optional(NetworkName),
  targetCurrency: CurrencyName,
  targetCurrencyAddress: Type.Optional(CurrencyAddress),
  amount: Amount,
})
/** What the amount of the source is worth in the target. */
export const ConvertedView = Type.String({ examples: ['92.15'] })

export type TypedDataBody = Static<typeof TypedDataBody>
export type DeviceSignUpData = Static<typeof DeviceSignUpData>
export type OpenContextBody = Static<typeof OpenContextBody>
export type FindContextBody = Static<typeof FindContextBody>
export type CloseContextBody = Static<typeof CloseContextBody>
export type PageQuery = Static<typeof PageQuery>
export type ApiKeyQuery = Static<typeof ApiKeyQuery>
export type VoucherQuery = Static<typeof VoucherQuery>
export type SessionQuery = Static<typeof SessionQuery>
export type SessionVouchersQuery = Static<typeof SessionVouchersQuery>
export type SessionPaymentsQuery = Static<typeof SessionPaymentsQuery>
export type EventsQuery = Static<typeof EventsQuery>
export type ExpectedPayment = Static<typeof ExpectedPayment>
export type RedeemVoucherBody = Static<typeof RedeemVoucherBody>
export type NegotiateVoucherBody = Static<typeof NegotiateVoucherBody>
export type SignVoucherBody = Static<typeof SignVoucherBody>
export type Receipt = Static<typeof Receipt>
export type OpenSessionBody = Static<typeof OpenSessionBody>
export type ReviewQuery = Static<typeof ReviewQuery>
export type VoucherReviewView = Static<typeof VoucherReviewView>
export type InteropQuery = Static<typeof InteropQuery>
export type CreateWebhookEndpointBody = Static<typeof CreateWebhookEndpointBody>
export type UpdateWebhookEndpointBody = Static<typeof UpdateWebhookEndpointBody>
export type WebhookEndpointQuery = Static<typeof WebhookEndpointQuery>
export type WebhookDeliveryQuery = Static<typeof WebhookDeliveryQuery>
export type NetworkQuery = Static<typeof NetworkQuery>
export type CurrencyQuery = Static<typeof CurrencyQuery>
export type CreateApiKeyBody = Static<typeof CreateApiKeyBody>
export type ConvertCurrencyBody = Static<typeof ConvertCurrencyBody>
export type AccountView = Static<typeof AccountView>
export type AuthorizationView = Static<typeof AuthorizationView>
export type ApiKeyView = Static<typeof ApiKeyView>
export type NewApiKeyView = Static<typeof NewApiKeyView>
export type ChallengeView = Static<typeof ChallengeView>
export type ContextView = Static<typeof ContextView>
export type FoundContextView = Static<typeof FoundContextView>
export type ReservedView = Static<typeof ReservedView>
export type VoucherView = Static<typeof VoucherView>
export type SessionView = Static<typeof SessionView>
export type SessionPaymentsView = Static<typeof SessionPaymentsView>
export type SessionResolvedView = Static<typeof SessionResolvedView>
export type WebhookEndpointView = Static<typeof WebhookEndpointView>
export type NewSecretView = Static<typeof NewSecretView>
export type WebhookDeliveryView = Static<typeof WebhookDeliveryView>
export type NetworkView = Static<typeof NetworkView>
export type CurrencyView = Static<typeof CurrencyView>
export type ProblemView = Static<typeof ProblemView>
