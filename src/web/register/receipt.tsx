import type { ComponentChildren } from 'preact'
import { plainText } from '../../protocol/plain-text.ts'
import { groupThousands } from '../design/money.tsx'
import { beganAtMs, isPaid, numberOf, type Sale, type SaleLine, STANDINGS, standingOf, totalsOf } from './sale.ts'

/** What the printer prints in place of the page. */
export function Receipt({ sale }: { sale: Sale }) {
  const paid = sale.lines.filter((line) => isPaid(standingOf(line)))
  return (
    <article class="receipt" aria-hidden="true">
      <h2>
        <bdi>{plainText(sale.shopName) || 'Receipt'}</bdi>
      </h2>
      <p>{new Date(beganAtMs(sale)).toLocaleString()}</p>
      <p>
        <bdi>{plainText(numberOf(sale))}</bdi>
      </p>
      <table>
        <tbody>
          {sale.lines.map((line, place) => (
            <Line key={line.voucher?.id ?? place} line={line} />
          ))}
        </tbody>
        <tfoot>
          {totalsOf(paid).map(({ amount, symbol, network, currencyAddress }) => (
            <tr key={`${network} ${currencyAddress}`}>
              <th scope="row">Paid</th>
              <td class="receipt__amount">
                {groupThousands(amount)} {symbol}
              </td>
            </tr>
          ))}
        </tfoot>
      </table>
    </article>
  )
}

function Line({ line }: { line: SaleLine }) {
  const { recipient, voucher } = line
  const paidWith = voucher?.paidWith
  return (
    <>
      <tr>
        <td>
          {STANDINGS[standingOf(line)].word}, voucher {voucher?.code}
        </td>
        <td class="receipt__amount">
          {groupThousands(line.amount)} {line.symbol}
        </td>
      </tr>
      {paidWith && <Detail>{`Paid with ${groupThousands(paidWith.amount)} ${paidWith.currency}`}</Detail>}
      <Detail>To {recipient}</Detail>
      {voucher?.settlement?.transactions.map(({ transactionHash, paymentId }) => (
        <Detail key={paymentId}>Transaction {transactionHash}</Detail>
      ))}
    </>
  )
}

function Detail({ children }: { children: ComponentChildren }) {
  return (
    <tr>
      <td class="receipt__detail" colSpan={2}>
        {children}
      </td>
    </tr>
  )
}
