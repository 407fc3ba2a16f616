import type { TSchema } from 'typebox'
import type { ProblemCode } from '../src/protocol/problems.ts'
import { SignInBody, SignUpBody } from './components.ts'

export const TAGS = {
  Auth: 'How callers get in: payers with an account or a wallet, payees with a context code or an API key.',
  Contexts: 'A payer opens a context and tells its six characters to the payee.',
  Vouchers: 'One payment: reserved and redeemed by the payee, signed and resolved by the payer.',
  Sessions: 'Several independent vouchers of one checkout.',
  Finance: 'The networks and currencies that the server takes. No token is needed.',
  Events: 'Being told what happens, as it happens.',
  Webhooks: "Being told by a call to one's own server.",
  Reference: 'This document.',
}

/** What the document says of a route beyond its schema. */
export type Operation = {
  /** The verb of its use case. */
  operationId: string
  tag: keyof typeof TAGS
  /** What a menu shows. */
  summary: string
  /** What it does, in one true sentence or two. */
  description: string
  /** What it may be refused with, beside what every route of its kind may. */
  problems: readonly ProblemCode[]
  /** What the body holds, where its schema leaves that to the use case. */
  body?: TSchema
}

/** Every route of the protocol, by its method and its path below `/api/v1`. */
export const OPERATIONS: Record<string, Operation> = {
  'GET /auth/get-challenge': {
    operationId: 'getChallenge',
    tag: 'Auth',
    summary: 'Get a challenge',
    description:
      'Gives 48 characters for a device to attest, or for a wallet to sign as its nonce. They are good once, for 5 minutes.',
    problems: [],
  },
  'POST /auth/sign-up': {
    operationId: 'signUp',
    tag: 'Auth',
    summary: 'Sign up as a payer',
    description: 'Makes an account for a payer, by email and password or for an attested device.',
    problems: ['invalid_type', 'already_exists'],
    body: SignUpBody,
  },
  'POST /auth/sign-in': {
    operationId: 'signIn',
    tag: 'Auth',
    summary: 'Sign in',
    description:
      'Gives a token to whoever proves to be a payer, or names an open context as its payee. By wallet, a key has one account; a contract (ERC-1271, ERC-6492) has one for each chain, and is asked on the chain that the EIP-4361 message names. Each sign-in by context code makes a payee of its own, whose token ends with the context and with the sessions that it opened.',
    problems: ['invalid_type', 'invalid_credentials'],
    body: SignInBody,
  },
  'POST /auth/api-keys': {
    operationId: 'createApiKey',
    tag: 'Auth',
    summary: 'Make an API key',
    description: 'Makes a key with which a payee calls without a context code. The key is shown this once.',
    problems: [],
  },
  'GET /auth/api-keys': {
    operationId: 'listApiKeys',
    tag: 'Auth',
    summary: 'List API keys',
    description: "Lists the caller's keys, newest first, without what is secret in them.",
    problems: [],
  },
  'POST /auth/api-keys/:keyId/revoke': {
    operationId: 'revokeApiKey',
    tag: 'Auth',
    summary: 'Revoke an API key',
    description: 'Ends a key at once, on every node. Revoking it again changes nothing. A key may revoke itself.',
    problems: [],
  },

  'POST /vouchers/contexts/context-open': {
    operationId: 'openContext',
    tag: 'Contexts',
    summary: 'Open a context',
    description:
      'Opens a context for up to ten addresses of the payer and gives the code to tell the payee. The code can be used for 10 minutes; vouchers reserved by then go on. With an `invitation`, which a payee shows as a QR code or a link, that payee finds the code by itself; the first payer to answer it is the only one.',
    problems: ['codes_exhausted', 'already_exists'],
  },
  'POST /vouchers/contexts/context-find': {
    operationId: 'findContext',
    tag: 'Contexts',
    summary: 'Find the context of an invitation',
    description:
      'Gives the code of the context that a payer opened in answer to an invitation; nulls until there is one, so ask every two seconds. The payee draws the secret and shows its hash: whoever sees the invitation cannot find what answers it.',
    problems: [],
  },
  'GET /vouchers/contexts/:contextId': {
    operationId: 'getContext',
    tag: 'Contexts',
    summary: 'Get a context',
    description: "Shows one of the payer's contexts.",
    problems: [],
  },
  'GET /vouchers/contexts': {
    operationId: 'listContexts',
    tag: 'Contexts',
    summary: 'List contexts',
    description: "Lists the payer's contexts, newest first.",
    problems: [],
  },
  'POST /vouchers/contexts/:contextId/context-close': {
    operationId: 'closeContext',
    tag: 'Contexts',
    summary: 'Close a context',
    description: 'Closes a context and its sessions. Its vouchers go on.',
    problems: ['already_closed'],
  },

  'POST /vouchers/reserve-voucher': {
    operationId: 'reserveVoucher',
    tag: 'Vouchers',
    summary: 'Reserve a voucher',
    description:
      "Reserves a voucher in the context that the payer's code names. It waits 2 minutes to be redeemed; its six digits are what both sides compare.",
    problems: ['invalid_code', 'not_found', 'codes_exhausted'],
  },
  'POST /vouchers/:voucherId/redeem-voucher': {
    operationId: 'redeemVoucher',
    tag: 'Vouchers',
    summary: 'Redeem a voucher',
    description:
      'States what the payee expects: `expectedPayment` (SIMPLE), or `networks` and `payments` (CUSTOM). The answer shows the transactions for the payer to sign, within 10 minutes.',
    problems: ['already_redeemed', 'expired'],
  },
  'POST /vouchers/:voucherId/negotiate-voucher': {
    operationId: 'negotiateVoucher',
    tag: 'Vouchers',
    summary: 'Pay in another currency',
    description:
      'Quotes what a SIMPLE voucher costs in the currency that the payer names, and makes its payments the swap that gives the payee exactly what it expects. The amount is the figure of the server. Negotiating again replaces the quote.',
    problems: ['not_simple', 'not_redeemed', 'different_network', 'already_resolved', 'expired'],
  },
  'GET /vouchers/:voucherId/review': {
    operationId: 'reviewVoucher',
    tag: 'Vouchers',
    summary: 'Review what is to be signed',
    description:
      'Says of each payment what leaves and what arrives, and how it would end if it were sent now. To be asked just before the wallet is.',
    problems: ['not_redeemed'],
  },
  'POST /vouchers/:voucherId/sign-voucher': {
    operationId: 'signVoucher',
    tag: 'Vouchers',
    summary: 'Sign the terms',
    description: "Keeps the payer's signature of `signingMessage`, once it verifies for one of the payer's addresses.",
    problems: ['not_redeemed', 'already_resolved', 'expired'],
  },
  'POST /vouchers/:voucherId/resolve-voucher': {
    operationId: 'resolveVoucher',
    tag: 'Vouchers',
    summary: 'Hand in the receipts',
    description:
      'Resolves a voucher once the chain proves its payments. Where the block has not come within 30 seconds the answer is still REDEEMED, with a settlement that is PENDING, and the server goes on by itself.',
    problems: ['not_redeemed', 'already_resolved', 'receipt_rejected'],
  },
  'POST /vouchers/:voucherId/discard-voucher': {
    operationId: 'discardVoucher',
    tag: 'Vouchers',
    summary: 'Discard a voucher',
    description: 'Ends a voucher that is not paid yet; the payee and the payer may both do so.',
    problems: ['already_resolved'],
  },
  'GET /vouchers/:voucherId': {
    operationId: 'getVoucher',
    tag: 'Vouchers',
    summary: 'Get a voucher',
    description: 'Shows the whole voucher to its payee and to its payer.',
    problems: [],
  },
  'GET /vouchers': {
    operationId: 'listVouchers',
    tag: 'Vouchers',
    summary: 'List vouchers',
    description: 'Lists the vouchers that the caller pays or is paid by, newest first.',
    problems: [],
  },
  'POST /vouchers/:voucherId/submit/interop-init': {
    operationId: 'initInterop',
    tag: 'Vouchers',
    summary: 'Name a payment to follow',
    description: 'Gives the id under which interop-info tells how one payment settles.',
    problems: [],
  },
  'GET /vouchers/:voucherId/status/interop-info': {
    operationId: 'getInteropInfo',
    tag: 'Vouchers',
    summary: 'Follow one payment',
    description: 'Tells how one payment of a voucher settles: PENDING, SUCCEEDED, FAILED or UNKNOWN.',
    problems: [],
  },

  'POST /vouchers/sessions/session-open': {
    operationId: 'openSession',
    tag: 'Sessions',
    summary: 'Open a session',
    description: 'Opens a session in the context that the code names. It ends with the context, and after 24 hours.',
    problems: ['invalid_code', 'not_found', 'codes_exhausted'],
  },
  'POST /vouchers/sessions/:sessionId/session-join': {
    operationId: 'joinSession',
    tag: 'Sessions',
    summary: 'Join a session',
    description: 'Tells the payee that the payer has seen the session. Nothing waits for it.',
    problems: ['already_joined', 'session_closed'],
  },
  'POST /vouchers/sessions/:sessionId/reserve-voucher': {
    operationId: 'reserveVoucherInSession',
    tag: 'Sessions',
    summary: 'Reserve a voucher in a session',
    description: 'Reserves one more voucher of the session, for the payee that opened it.',
    problems: ['session_closed', 'codes_exhausted'],
  },
  'GET /vouchers/sessions/:sessionId/payments': {
    operationId: 'readSessionPayments',
    tag: 'Sessions',
    summary: 'List what is to be paid',
    description:
      'Shows a page of what is still to be paid, oldest voucher first, and for wallets that can make several calls in one transaction the batch that pays it with one signature.',
    problems: [],
  },
  'POST /vouchers/sessions/:sessionId/session-resolve': {
    operationId: 'resolveSession',
    tag: 'Sessions',
    summary: 'Hand in the receipts of a session',
    description: 'Resolves each voucher that the receipts name on its own, and says for each what became of it.',
    problems: [],
  },
  'POST /vouchers/sessions/:sessionId/session-close': {
    operationId: 'closeSession',
    tag: 'Sessions',
    summary: 'Close a session',
    description: 'Closes a session for new vouchers. Those that it has go on.',
    problems: ['already_closed'],
  },
  'GET /vouchers/sessions/:sessionId': {
    operationId: 'getSession',
    tag: 'Sessions',
    summary: 'Get a session',
    description: 'Shows a session with a page of its vouchers, oldest first, to its payee and to its payer.',
    problems: [],
  },
  'GET /vouchers/sessions': {
    operationId: 'listSessions',
    tag: 'Sessions',
    summary: 'List sessions',
    description: "Lists the caller's sessions, newest first, without their vouchers.",
    problems: [],
  },

  'GET /finance/networks': {
    operationId: 'listNetworks',
    tag: 'Finance',
    summary: 'List networks',
    description: 'Lists the networks that the server takes payments on.',
    problems: [],
  },
  'GET /finance/currencies': {
    operationId: 'listCurrencies',
    tag: 'Finance',
    summary: 'List currencies',
    description: 'Lists the currencies that the server knows, and which of them a payer can swap.',
    problems: [],
  },
  'POST /finance/currencies/convert': {
    operationId: 'convertCurrency',
    tag: 'Finance',
    summary: 'Convert an amount',
    description: 'Tells what an amount of one currency is worth in another, as a JSON string.',
    problems: [],
  },

  'GET /events': {
    operationId: 'subscribe',
    tag: 'Events',
    summary: 'Listen to events',
    description:
      'A stream of Server-Sent Events: all that the token may see, live. `event` is the type, `data` an Event as JSON, `id` its place; a reader that comes back with it as `Last-Event-ID` goes on without a gap or a repeat.',
    problems: [],
  },

  'POST /webhook-endpoints': {
    operationId: 'createWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Add an endpoint',
    description:
      'Adds an address that events are posted to, 20 for each account. The signing secret is shown this once.',
    problems: [],
  },
  'GET /webhook-endpoints': {
    operationId: 'listWebhookEndpoints',
    tag: 'Webhooks',
    summary: 'List endpoints',
    description: "Lists the account's endpoints, newest first.",
    problems: [],
  },
  'GET /webhook-endpoints/:endpointId': {
    operationId: 'getWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Get an endpoint',
    description: "Shows one of the account's endpoints.",
    problems: [],
  },
  'PATCH /webhook-endpoints/:endpointId': {
    operationId: 'updateWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Change an endpoint',
    description: 'Changes what the body names and leaves the rest.',
    problems: [],
  },
  'DELETE /webhook-endpoints/:endpointId': {
    operationId: 'deleteWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Delete an endpoint',
    description: 'Deletes an endpoint and its deliveries, and shows it once more.',
    problems: [],
  },
  'POST /webhook-endpoints/:endpointId/rotate-endpoint-secret': {
    operationId: 'rotateEndpointSecret',
    tag: 'Webhooks',
    summary: 'Rotate the signing secret',
    description: 'Signs with a new secret, shown this once, and for 24 hours with the old one too.',
    problems: [],
  },
  'POST /webhook-endpoints/:endpointId/enable': {
    operationId: 'enableWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Enable an endpoint',
    description: 'Sends again, what waits first. Enabled already, an endpoint forgets its failures.',
    problems: [],
  },
  'POST /webhook-endpoints/:endpointId/disable': {
    operationId: 'disableWebhookEndpoint',
    tag: 'Webhooks',
    summary: 'Disable an endpoint',
    description: 'Sends nothing more, and notes no further events.',
    problems: [],
  },
  'GET /webhook-deliveries': {
    operationId: 'listWebhookDeliveries',
    tag: 'Webhooks',
    summary: 'List deliveries',
    description: 'Lists what was sent or waits to be, newest first, for 30 days.',
    problems: [],
  },
  'GET /webhook-deliveries/:deliveryId': {
    operationId: 'getWebhookDelivery',
    tag: 'Webhooks',
    summary: 'Get a delivery',
    description: 'Shows what was sent, what was answered, and when it is tried again.',
    problems: [],
  },
  'POST /webhook-deliveries/:deliveryId/retry': {
    operationId: 'retryWebhookDelivery',
    tag: 'Webhooks',
    summary: 'Send a delivery once more',
    description: 'Sends a delivery once more, now.',
    problems: [],
  },

  'GET /openapi.json': {
    operationId: 'getReference',
    tag: 'Reference',
    summary: 'Get this document',
    description: 'Gives this OpenAPI document.',
    problems: [],
  },
}
