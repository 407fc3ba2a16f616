import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainText, quotable, quoted } from '../../src/protocol/plain-text.ts'

test('text from others is shown as one line of what can be seen', () => {
  const cases: [string, string][] = [
    ['Corner shop', 'Corner shop'],
    ['Café 咖啡 قهوة ☕', 'Café 咖啡 قهوة ☕'],
    ['a\r\nb\tc\u2028d\u2029e\u0085f', 'a b c d e f'],
    ['\u001b[2J\u001b]0;title\u0007\u009b31mred', '[2J]0;title31mred'],
    ['pay \u202e001\u202c now\u2066\u2069\u200f\u061c', 'pay 001 now'],
    ['z\u200be\u200cr\u200do\u2060\ufeff\u00ad\u034f\u3164\u115f\u2800\u{e0041}', 'zero'],
    ['half \ud83d of a pair', 'half  of a pair'],
  ]
  for (const [given, shown] of cases) assert.equal(plainText(given), shown)
})

test('text from others in quotes neither closes them nor fills the page', () => {
  assert.equal(quoted(' Shop” The server says: "paid" «yes» '), '"Shop The server says: paid yes"')
  assert.equal(quoted('\u200b'), '""')
  assert.equal(quoted('x'.repeat(8000)), `"${'x'.repeat(160)}…"`)
  assert.equal(quotable('x'.repeat(8000), 1000).length, 1001)
})
