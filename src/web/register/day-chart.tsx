import { groupThousands, Money } from '../design/money.tsx'
import type { DayTotal } from './day.ts'

const BAR = 10
const HEIGHT = 60

/** A bar for each hour; beside it the same in words. */
export function DayChart({ total }: { total: DayTotal }) {
  const { symbol, hours } = total
  const busy = hours.filter(({ payments }) => payments > 0)
  return (
    <figure class="stack stack--tight">
      <figcaption>
        <Money amount={total.total} currency={symbol} big />
      </figcaption>
      <svg class="chart" viewBox={`0 0 ${24 * BAR} ${HEIGHT + 12}`} aria-hidden="true">
        {hours.map(({ hour, share }) => (
          <rect
            key={hour}
            class="chart__bar"
            x={hour * BAR + 1}
            width={BAR - 2}
            y={HEIGHT - Math.max(share > 0 ? 2 : 0, (share * HEIGHT) / 100)}
            height={Math.max(share > 0 ? 2 : 0, (share * HEIGHT) / 100)}
          />
        ))}
        <line class="chart__ground" x1="0" x2={24 * BAR} y1={HEIGHT} y2={HEIGHT} />
        {[0, 6, 12, 18].map((hour) => (
          <text class="chart__hour" key={hour} x={hour * BAR + 1} y={HEIGHT + 10}>
            {hour}:00
          </text>
        ))}
      </svg>
      <table class="table">
        <caption class="unseen">
          {symbol} by hour, on {total.network}
        </caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            <th scope="col">Payments</th>
            <th scope="col">{symbol}</th>
          </tr>
        </thead>
        <tbody>
          {busy.map(({ hour, payments, total: ofHour }) => (
            <tr key={hour}>
              <th scope="row">{hour}:00</th>
              <td>{payments}</td>
              <td>{groupThousands(ofHour)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  )
}
