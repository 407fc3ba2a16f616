import { type DestinationStream, type Logger, pino } from 'pino'

/** What no line may show, whoever logs it. Bodies and headers are not logged at all; this holds if somebody does. */
const SECRETS = ['authorization', '["x-api-key"]', '["idempotency-key"]', 'password', 'token', 'headers', 'body']

/** The operator's log: a JSON object a line, without secrets. */
export function createLogger(level: string, destination: DestinationStream): Logger {
  const paths = SECRETS.flatMap((name) => [name, name.startsWith('[') ? `*${name}` : `*.${name}`])
  return pino({ level, redact: { paths, censor: '[redacted]' } }, destination)
}
