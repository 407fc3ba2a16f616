import { type Static, type TSchema, Type } from 'typebox'
import { AMOUNT_MAX_LENGTH } from './amounts.ts'
import { PROBLEMS, type ProblemCode } from './problems.ts'

/**
 * What goes over the wire, once: validation, the static types, the serializer and the reference docs all come from here.
 * Bodies name what is read; other fields are ignored.
 */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Time = Type.String({ description: 'ISO 8601 in UTC with milliseconds', examples: ['2026-06-09T12:00:00.000Z'] })
/** A name that callers give, without control characters: people read it, and not every database takes a NUL. */
const Label = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
/** One of the words that the server says; it is not validated, for nobody else says it. */
const Word = <T extends string>(words: readonly T[]) => Type.Unsafe<T>(Type.String({ enum: [...words] }))
const Info = Type.Record(Type.String(), Type.Unknown(), {
  description: 'Anything the payee wants the payer to see, such as a name',
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
export const ResourceData = Type.Object({ resource: Type.String({ minLength: 4, maxLength: 128 }) })
export const WalletData = Type.Object({
  message: Type.String({ minLength: 1, maxLength: 4096 }),
  signature: Type.String({ minLength: 4, maxLength: 8192, pattern: '^0x([0-9a-fA-F]{2})+$' }),
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
  ownerId: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
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

// ── contexts ────────────────────────────────────────────────────────────────────────────────────────────────────────

const Address = Type.String({ minLength: 1, maxLength: 128, examples: ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8'] })
export const Wallet = Type.Object({ address: Address })

export const OpenContextBody = Type.Object({
  format: Type.Union([Type.Literal('numeric'), Type.Literal('alphanum'), Type.Literal('alphanumeric')]),
  payers: Type.Array(Wallet, { minItems: 1, maxItems: 10 }),
})
export const CloseContextBody = Type.Object({ payeeId: Nullable(Type.String({ minLength: 64, maxLength: 64 })) })
export const ContextView = Type.Object({
  id: Type.String(),
  code: Type.String(),
  status: Word(['OPEN', 'CLOSED']),
  format: Word(['numeric', 'alphanum']),
  payers: Type.Array(Wallet),
  payeeId: Type.Optional(Type.String()),
  version: Type.Integer(),
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

export const ExpectedPayment = Type.Object({
  network: Type.Optional(NetworkName),
  currency: Type.String({ minLength: 1, maxLength: 64, examples: ['EURC'] }),
  currencyAddress: Type.Optional(Type.String({ maxLength: 128 })),
  amount: Amount,
  wallet: Wallet,
})

const Call = Type.Object({
  from: Type.Literal('{payer}'),
  to: Address,
  value: Type.String({ maxLength: 78, pattern: '^(0|[1-9][0-9]*)$', description: 'Wei, as a decimal string' }),
  data: Type.String({ pattern: '^0x([0-9a-fA-F]{2})*$' }),
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
  networks: Type.Optional(Type.Array(CustomNetworkSchema, { maxItems: 3 })),
  payments: Type.Optional(Type.Array(CustomPayment, { maxItems: 1 })),
  extras: Type.Optional(Type.Array(CustomExtra, { maxItems: 5 })),
  payeeInfo: Type.Optional(Info),
  orderId: Type.Optional(Label(128)),
})

/** What the payer would rather pay with. The amount is the server's to say, so what stands there is not read. */
export const NegotiateVoucherBody = Type.Object({
  suppliedPayment: Type.Object({
    network: Type.Optional(NetworkName),
    currency: Type.String({ minLength: 1, maxLength: 64, examples: ['USDC'] }),
    currencyAddress: Type.Optional(Type.String({ maxLength: 128 })),
    amount: Type.Optional(Type.String({ maxLength: AMOUNT_MAX_LENGTH })),
    wallet: Wallet,
  }),
})

export const SignVoucherBody = Type.Object({
  publicKey: Type.String({ minLength: 1, maxLength: 256 }),
  signature: Type.String({ minLength: 1, maxLength: 256 }),
})

const TransactionHash = Type.String({ pattern: '^0x[0-9a-fA-F]{64}$' })
export const Receipt = Type.Object({
  paymentId: Type.String({ minLength: 1, maxLength: 64 }),
  transactionHash: Type.Optional(TransactionHash),
  signedTransaction: Type.Optional(Type.String({ pattern: '^0x([0-9a-fA-F]{2})+$' })),
  signature: Type.Optional(
    Type.String({ pattern: '^0x[0-9a-fA-F]{130}$', description: 'Of one of the payment’s alternatives' }),
  ),
})
export const ResolveVoucherBody = Type.Object({ receipts: Type.Array(Receipt, { minItems: 1, maxItems: 5 }) })

/** As many as a checkout may have; each voucher still takes its own few. */
export const ResolveSessionBody = Type.Object({ receipts: Type.Array(Receipt, { minItems: 1, maxItems: 100 }) })

export const InteropQuery = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 64 })),
  paymentIndex: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
  vid: Type.Optional(Type.String({ maxLength: 64 })),
})
export const InteropInitBody = Type.Object({ signature: Type.Optional(Type.String({ minLength: 1, maxLength: 4096 })) })
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

const VoucherStatus = Word(['RESERVED', 'REDEEMED', 'RESOLVED', 'DISCARDED', 'EXPIRED'])

export const ReservedView = Type.Object({
  id: Type.String(),
  code: Type.String(),
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
  id: Type.String(),
  type: Type.String(),
  network: Type.String(),
  chainId: Nullable(Type.Integer()),
  input: Type.Object({ from: Type.String(), to: Type.String(), value: Type.String(), data: Type.String() }),
  summary: Type.String(),
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
  quoteId: Type.Optional(Type.String()),
  source: Type.Optional(Type.String({ description: 'Who named the price' })),
  rate: Type.Optional(Type.String({ description: 'Units supplied for one unit that the payee gets, fees included' })),
  slippageBps: Type.Optional(Type.Integer()),
  feeBps: Type.Optional(Type.Integer({ description: "The operator's fee, of what the payee gets" })),
  fees: Type.Optional(Type.Array(FeeView)),
  expiresAt: Type.Optional(Time),
})

export const SimulationView = Type.Object({
  status: Type.Union(
    [Type.Literal('OK'), Type.Literal('NO_EFFECT'), Type.Literal('REVERTS'), Type.Literal('UNKNOWN')],
    { description: 'How it would end if it were sent now; NO_EFFECT: it would succeed and do nothing' },
  ),
  reason: Type.Optional(Type.String()),
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
})

export const SettlementView = Type.Object({
  status: Word(['PENDING', 'CONFIRMED', 'FAILED', 'UNVERIFIED']),
  confirmations: Type.Integer(),
  required: Type.Union([Type.Integer(), Type.String()]),
  transactions: Type.Array(
    Type.Object({
      paymentId: Type.String(),
      transactionHash: Nullable(Type.String()),
      blockNumber: Nullable(Type.Integer()),
      blockHash: Nullable(Type.String()),
    }),
  ),
  failure: Type.Optional(Type.String()),
  confirmedAt: Nullable(Time),
})

export const VoucherView = Type.Object({
  id: Type.String(),
  code: Type.String(),
  status: VoucherStatus,
  type: Type.Optional(Word(['SIMPLE', 'CUSTOM'])),
  version: Type.Integer(),
  contextId: Type.String(),
  sessionId: Type.Optional(Type.String()),
  payeeId: Type.String(),
  payers: Type.Array(Wallet),
  expectedPayment: Type.Optional(
    Type.Object({
      network: Type.String(),
      currency: Type.String(),
      currencyAddress: Type.String(),
      amount: Type.String(),
      wallet: Wallet,
    }),
  ),
  suppliedPayment: Type.Optional(SuppliedPaymentView),
  networks: Type.Optional(Type.Array(CustomNetworkSchema)),
  payments: Type.Optional(Type.Array(PaymentView)),
  extras: Type.Optional(Type.Array(CustomExtra)),
  payeeInfo: Type.Optional(Info),
  orderId: Type.Optional(Type.String()),
  signingMessage: Type.Optional(Type.String({ description: 'What sign-voucher signs, as an EIP-191 message' })),
  signature: Type.Optional(Type.Object({ publicKey: Type.String(), signature: Type.String(), signedAt: Time })),
  settlement: Type.Optional(SettlementView),
  late: Type.Optional(Type.Boolean({ description: 'The chain proved the payment after the voucher had ended' })),
  createdAt: Time,
  updatedAt: Time,
  expiresAt: Time,
})
/** What redeem and resolve answer: the whole voucher, of which the documented fields are a part. */
export const VoucherList = Type.Array(VoucherView)

// ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const PROBLEM_CODES = Object.keys(PROBLEMS) as ProblemCode[]

export const ProblemView = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Word(PROBLEM_CODES),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
})

// ── sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const OpenSessionBody = Type.Object({
  code: ContextCode,
  type: Type.Optional(Type.Literal('SESSION_DEFAULT')),
  payeeInfo: Type.Optional(Info),
})
export const SessionView = Type.Object({
  id: Type.String(),
  code: Type.String(),
  status: Word(['OPEN', 'CLOSED']),
  type: Word(['SESSION_DEFAULT']),
  version: Type.Integer(),
  contextId: Type.String(),
  payeeId: Type.String(),
  payeeInfo: Type.Optional(Info),
  joinedAt: Nullable(Time),
  vouchers: Type.Optional(VoucherList),
  createdAt: Time,
  updatedAt: Time,
  closesAt: Time,
})
export const SessionQuery = Type.Object({
  ...PageQuery.properties,
  contextId: Type.Optional(Type.String({ maxLength: 64 })),
})

export const SessionPaymentsQuery = Type.Object({ wallet: Type.Optional(Address) })

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
  events: Type.Array(Type.String()),
  enabled: Type.Boolean(),
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
  eventId: Type.String(),
  eventType: Type.String(),
  endpointId: Type.String(),
  widgetId: Type.Optional(Type.String()),
  status: Word(['PENDING', 'DELIVERED', 'RETRYING', 'FAILED']),
  attempts: Type.Integer(),
  requestUrl: Type.String(),
  requestBody: Type.String({ description: 'The very text that is signed' }),
  responseCode: Nullable(Type.Integer()),
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
  enabled: Type.Boolean(),
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
  address: Type.String(),
  decimals: Type.Integer(),
  bridgeable: Type.Boolean(),
  enabled: Type.Boolean(),
})

export const ConvertCurrencyBody = Type.Object({
  sourceNetwork: Type.Optional(NetworkName),
  sourceCurrency: Type.String({ minLength: 1, maxLength: 64, examples: ['USDC'] }),
  sourceCurrencyAddress: Type.Optional(Type.String({ maxLength: 128 })),
  targetNetwork: Type.Optional(NetworkName),
  targetCurrency: Type.String({ minLength: 1, maxLength: 64, examples: ['EURC'] }),
  targetCurrencyAddress: Type.Optional(Type.String({ maxLength: 128 })),
  amount: Amount,
})
/** What the amount of the source is worth in the target. */
export const ConvertedView = Type.String({ examples: ['92.15'] })

export type TypedDataBody = Static<typeof TypedDataBody>
export type DeviceSignUpData = Static<typeof DeviceSignUpData>
export type OpenContextBody = Static<typeof OpenContextBody>
export type CloseContextBody = Static<typeof CloseContextBody>
export type PageQuery = Static<typeof PageQuery>
export type VoucherQuery = Static<typeof VoucherQuery>
export type SessionQuery = Static<typeof SessionQuery>
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
