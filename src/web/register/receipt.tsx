import { groupThousands } from '../design/money.tsx'
import { beganAtMs, isPaid, numberOf, type Sale, STANDINGS, standingOf, totalsOf } from './sale.ts'

/** What the printer prints in place of the page. */
export function Receipt({ sale }: { sale: Sale }) {
  const paid = sale.lines.filter((line) => isPaid(standingOf(line)))
  return (
    <article class="receipt" aria-hidden="true">
      <h2>{sale.shopName || 'Receipt'}</h2>
      <p>{new Date(beganAtMs(sale)).toLocaleString()}</p>
      <p>{numberOf(sale)}</p>
      <table>
        <tbody>
          {sale.lines.map((line, place) => (
            <tr key={line.voucher?.id ?? place}>
              <td>
                <strong>{STANDINGS[standingOf(line)].word}</strong>, voucher {line.voucher?.code}
                <br />
                to {line.recipient}
                {line.voucher?.paidWith && (
                  <>
                    <br />
                    paid with {groupThousands(line.voucher.paidWith.amount)} {line.voucher.paidWith.currency}
                  </>
                )}
                {line.voucher?.settlement?.transactions.map(({ transactionHash, paymentId }) => (
                  <span key={paymentId}>
                    <br />
                    by {transactionHash}
                  </span>
                ))}
              </td>
              <td class="receipt__amount">
                {groupThousands(line.amount)} {line.symbol}
              </td>
            </tr>
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
