import { type TSchema, Type } from 'typebox'
import { EVENT_TYPES } from '../src/domain/event.ts'
import * as schemas from '../src/protocol/schemas.ts'
import type { Json, JsonObject } from './json.ts'

const { ContextView, SessionView, VoucherView } = schemas

/** What a webhook carries, and what `data` of an event of the stream holds. */
const EventView = Type.Object({
  id: Type.String(),
  type: Type.Union(EVENT_TYPES.map((type) => Type.Literal(type))),
  createdAt: Type.String({ description: 'ISO 8601 in UTC with milliseconds' }),
  data: Type.Union([VoucherView, SessionView, ContextView], {
    description: 'The whole subject after the change; its `version` grows',
  }),
})

const typed = (type: string, data: TSchema) => Type.Object({ type: Type.Literal(type), data })

/** What the routes read of `data` depends on `type`. */
export const SignUpBody = Type.Union([
  typed('email-password', schemas.EmailPasswordData),
  typed('mobile-device', schemas.DeviceSignUpData),
])
export const SignInBody = Type.Union([
  typed('email-password', schemas.EmailPasswordData),
  typed('mobile-device', schemas.DeviceSignInData),
  typed('resource', schemas.ResourceData),
  typed('wallet', schemas.WalletData),
])

/** The schemas that the document names. Wherever one of them stands in another, it is referred to. */
const COMPONENTS: Record<string, TSchema> = {
  Account: schemas.AccountView,
  Alternative: schemas.AlternativeView,
  ApiKey: schemas.ApiKeyView,
  Authorization: schemas.AuthorizationView,
  Batch: schemas.BatchView,
  Challenge: schemas.ChallengeView,
  FindContextBody: schemas.FindContextBody,
  FoundContextView: schemas.FoundContextView,
  CloseContextBody: schemas.CloseContextBody,
  Context: ContextView,
  ConvertCurrencyBody: schemas.ConvertCurrencyBody,
  ConvertedAmount: schemas.ConvertedView,
  CreateApiKeyBody: schemas.CreateApiKeyBody,
  CreateWebhookEndpointBody: schemas.CreateWebhookEndpointBody,
  Currency: schemas.CurrencyView,
  Event: EventView,
  ExpectedPayment: schemas.ExpectedPayment,
  Fee: schemas.FeeView,
  InteropInfo: schemas.InteropInfoView,
  InteropInit: schemas.InteropInitView,
  InteropInitBody: schemas.InteropInitBody,
  NegotiateVoucherBody: schemas.NegotiateVoucherBody,
  Network: schemas.NetworkView,
  NewApiKey: schemas.NewApiKeyView,
  NewWebhookSecret: schemas.NewSecretView,
  ObservedPayment: schemas.ObservedPaymentView,
  OpenContextBody: schemas.OpenContextBody,
  OpenSessionBody: schemas.OpenSessionBody,
  Payment: schemas.PaymentView,
  PaymentReview: schemas.ReviewView,
  Problem: schemas.ProblemView,
  Receipt: schemas.Receipt,
  RedeemVoucherBody: schemas.RedeemVoucherBody,
  ReservedVoucher: schemas.ReservedView,
  ReserveVoucherBody: schemas.ReserveVoucherBody,
  ResolveSessionBody: schemas.ResolveSessionBody,
  ResolveVoucherBody: schemas.ResolveVoucherBody,
  Session: SessionView,
  SessionPayments: schemas.SessionPaymentsView,
  SessionResolved: schemas.SessionResolvedView,
  Settlement: schemas.SettlementView,
  SignInBody,
  SignUpBody,
  SignVoucherBody: schemas.SignVoucherBody,
  Simulation: schemas.SimulationView,
  SuppliedPayment: schemas.SuppliedPaymentView,
  UpdateWebhookEndpointBody: schemas.UpdateWebhookEndpointBody,
  Voucher: VoucherView,
  VoucherReview: schemas.VoucherReviewView,
  Wallet: schemas.Wallet,
  WebhookDelivery: schemas.WebhookDeliveryView,
  WebhookEndpoint: schemas.WebhookEndpointView,
}

const NAMES = new Map(Object.entries(COMPONENTS).map(([name, schema]) => [JSON.stringify(schema), name]))

/** Every component, with what has a name of its own referred to. */
export function componentSchemas(): JsonObject {
  return Object.fromEntries(Object.entries(COMPONENTS).map(([name, schema]) => [name, inside(plain(schema))]))
}

/** A schema as the document shows it: by its name where it has one. */
export function shown(schema: TSchema): JsonObject {
  const found = referred(plain(schema))
  if (!isObject(found)) throw new Error('a schema is an object')
  return found
}

/** Without what TypeBox keeps beside the schema. */
function plain(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema))
}

function referred(node: Json): Json {
  const name = NAMES.get(JSON.stringify(node))
  return name === undefined ? inside(node) : { $ref: `#/components/schemas/${name}` }
}

function inside(node: Json): Json {
  if (Array.isArray(node)) return node.map(referred)
  if (!isObject(node)) return node
  return tidied(Object.fromEntries(Object.entries(node).map(([key, value]) => [key, referred(value)])))
}

/** As OpenAPI 3.1 and its readers like it best. */
function tidied(schema: JsonObject): JsonObject {
  if (Array.isArray(schema.anyOf)) return tidiedChoice(schema)
  if (Array.isArray(schema.items)) return tidiedTuple(schema)
  return schema
}

/** Choices between words are enumerations, and what may be null says so in its type: both read better than `anyOf`. */
function tidiedChoice(schema: JsonObject): JsonObject {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || !anyOf.every(isObject)) return schema
  if (anyOf.every(({ const: word }) => typeof word === 'string')) {
    return { type: 'string', enum: anyOf.map(({ const: word = null }) => word), ...rest }
  }
  const [either, orNull] = anyOf
  if (anyOf.length === 2 && orNull?.type === 'null' && typeof either?.type === 'string') {
    return { ...either, type: [either.type, 'null'], ...rest }
  }
  return schema
}

/** TypeBox writes tuples as JSON Schema had them before 2020. Tuples of one are lists of just one, which every reader knows. */
function tidiedTuple({ items, additionalItems: _, minItems = 0, ...rest }: JsonObject): JsonObject {
  const [only = {}, ...more] = Array.isArray(items) ? items : []
  const itself: JsonObject = more.length === 0 ? { items: only } : { prefixItems: items ?? [], items: false }
  return { ...rest, ...itself, minItems, maxItems: minItems }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
