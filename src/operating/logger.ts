import { type DestinationStream, type Logger, pino } from 'pino'

/** What no line may show, whoever logs it. Bodies and headers are not logged at all; this holds if somebody does. */
const SECRETS = ['authorization', '["x-api-key"]', '["idempotency-key"]', 'password', 'token', 'headers', 'body']

/** What JSON leaves as it is, and terminals do not show: bidirectional and zero-width characters, and C1 controls. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** The same line of JSON with what nobody would see written out. */
function seen(line: string): string {
  return line.replace(UNSEEN, (unseen) => {
    if (unseen === '\n') return unseen
    const units = Array.from({ length: unseen.length }, (_, index) => unseen.charCodeAt(index))
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
  })
}

/** The operator's log: a JSON object a line, without secrets. */
export function createLogger(level: string, destination: DestinationStream): Logger {
  const paths = SECRETS.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`])
  return pino({ level, redact: { paths, censor: '[redacted]' }, hooks: { streamWrite: seen } }, destination)
}
