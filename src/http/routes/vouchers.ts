import { Type } from 'typebox'
import {
  InteropInfoView,
  InteropInitBody,
  InteropInitView,
  InteropQuery,
  NegotiateVoucherBody,
  RedeemVoucherBody,
  ReservedView,
  ReserveVoucherBody,
  ResolveVoucherBody,
  ReviewQuery,
  SignVoucherBody,
  VoucherList,
  VoucherQuery,
  VoucherReviewView,
  VoucherView,
} from '../../protocol/schemas.ts'
import { asPayee, asUser } from '../../use-cases/call.ts'
import { discardVoucher } from '../../use-cases/discard-voucher.ts'
import { getInteropInfo, initInterop } from '../../use-cases/interop.ts'
import { negotiateVoucher } from '../../use-cases/negotiate-voucher.ts'
import { getVoucher, listVouchers } from '../../use-cases/read-vouchers.ts'
import { redeemVoucher } from '../../use-cases/redeem-voucher.ts'
import { reserveVoucher } from '../../use-cases/reserve-voucher.ts'
import { resolveVoucher } from '../../use-cases/resolve-voucher.ts'
import { reviewVoucher } from '../../use-cases/review-voucher.ts'
import { signVoucher } from '../../use-cases/sign-voucher.ts'
import { sendList } from '../lists.ts'
import { PAYEE_WRITE, PAYEES, PAYER_READ, PAYER_WRITE, RESERVE, RESOLVE } from '../route-config.ts'
import type { RouteContext, Routes } from '../routes.ts'

/** What ends a payment that has begun. */
const REDEEM = { ...PAYEE_WRITE, repeatLoses: true, shed: 'last' } as const
const SIGN = { ...PAYER_WRITE, shed: 'last' } as const
const READ = { callers: PAYEES, limit: 'read' } as const
const VoucherPath = Type.Object({ voucherId: Type.String() })

export function voucherRoutes(api: Routes, context: RouteContext): void {
  payeeRoutes(api, context)
  payerRoutes(api, context)
  readRoutes(api, context)
}

function payeeRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.post(
    '/vouchers/reserve-voucher',
    { config: RESERVE, schema: { body: ReserveVoucherBody, response: { 200: ReservedView } } },
    (request, reply) => answers.once(request, reply, (call) => reserveVoucher(app, asPayee(call), request.body.code)),
  )

  api.post(
    '/vouchers/:voucherId/redeem-voucher',
    { config: REDEEM, schema: { params: VoucherPath, body: RedeemVoucherBody, response: { 200: VoucherView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => redeemVoucher(app, asPayee(call), request.params.voucherId, request.body)),
  )

  api.post(
    '/vouchers/:voucherId/discard-voucher',
    { config: PAYEE_WRITE, schema: { params: VoucherPath, response: { 200: VoucherView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => discardVoucher(app, asPayee(call), request.params.voucherId)),
  )
}

function payerRoutes(api: Routes, { app, answers }: RouteContext): void {
  api.post(
    '/vouchers/:voucherId/negotiate-voucher',
    {
      config: PAYER_WRITE,
      schema: { params: VoucherPath, body: NegotiateVoucherBody, response: { 200: VoucherView } },
    },
    (request, reply) =>
      answers.once(request, reply, (call) =>
        negotiateVoucher(app, asUser(call), request.params.voucherId, request.body),
      ),
  )

  api.post(
    '/vouchers/:voucherId/sign-voucher',
    { config: SIGN, schema: { params: VoucherPath, body: SignVoucherBody, response: { 200: VoucherView } } },
    (request, reply) =>
      answers.once(request, reply, (call) => signVoucher(app, asUser(call), request.params.voucherId, request.body)),
  )

  api.post(
    '/vouchers/:voucherId/resolve-voucher',
    { config: RESOLVE, schema: { params: VoucherPath, body: ResolveVoucherBody, response: { 200: VoucherView } } },
    (request, reply) =>
      answers.once(request, reply, (call) =>
        resolveVoucher(app, asUser(call), request.params.voucherId, request.body.receipts),
      ),
  )

  api.post(
    '/vouchers/:voucherId/submit/interop-init',
    {
      config: PAYER_WRITE,
      schema: {
        params: VoucherPath,
        querystring: InteropQuery,
        body: InteropInitBody,
        response: { 200: InteropInitView },
      },
    },
    (request, reply) =>
      answers.once(request, reply, (call) => initInterop(app, asUser(call), request.params.voucherId, request.query)),
  )

  api.get(
    '/vouchers/:voucherId/review',
    {
      config: PAYER_READ,
      schema: { params: VoucherPath, querystring: ReviewQuery, response: { 200: VoucherReviewView } },
    },
    ({ call, params, query }) => reviewVoucher(app, asUser(call), params.voucherId, query),
  )

  api.get(
    '/vouchers/:voucherId/status/interop-info',
    {
      config: PAYER_READ,
      schema: { params: VoucherPath, querystring: InteropQuery, response: { 200: InteropInfoView } },
    },
    ({ call, params, query }) => getInteropInfo(app, asUser(call), params.voucherId, query),
  )
}

function readRoutes(api: Routes, { app }: RouteContext): void {
  api.get(
    '/vouchers/:voucherId',
    { config: READ, schema: { params: VoucherPath, response: { 200: VoucherView } } },
    ({ call, params }) => getVoucher(app, asPayee(call), params.voucherId),
  )

  api.get(
    '/vouchers',
    { config: READ, schema: { querystring: VoucherQuery, response: { 200: VoucherList } } },
    async (request, reply) => sendList(request, reply, await listVouchers(app, asPayee(request.call), request.query)),
  )
}
