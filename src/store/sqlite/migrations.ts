import type { DatabaseSync } from 'node:sqlite'

/**
 * The schema, step by step. A step that was released is never edited: a change is a new step at the end.
 *
 * Every table keeps its entity as JSON in `body`; the other columns are what queries and constraints need. Rows are
 * appended (`row` grows), and indexes are partial wherever a query asks for few rows, so that writing costs the same
 * in a large file as in a small one. Random keys are found by a short fingerprint, those of answers without an index
 * on disk: see `answers.ts`.
 */
const STEPS: string[] = [
  `
  CREATE TABLE contexts (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    code TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    code_expires_at_ms INTEGER NOT NULL,
    code_ended_at_ms INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX contexts_held_code ON contexts (code) WHERE code_ended_at_ms IS NULL;
  CREATE INDEX contexts_code ON contexts (code, created_at_ms);
  CREATE INDEX contexts_payer ON contexts (payer_id, created_at_ms);
  CREATE INDEX contexts_code_lapses ON contexts (code_expires_at_ms) WHERE code_ended_at_ms IS NULL;
  CREATE INDEX contexts_code_ended ON contexts (code_ended_at_ms) WHERE code_ended_at_ms IS NOT NULL;

  CREATE TABLE sessions (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    context_id TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    closes_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX sessions_open_code ON sessions (code) WHERE status = 'OPEN';
  CREATE INDEX sessions_context ON sessions (context_id, created_at_ms);
  CREATE INDEX sessions_payer ON sessions (payer_id, created_at_ms);
  CREATE INDEX sessions_payee ON sessions (payee_id, created_at_ms);
  CREATE INDEX sessions_lapses ON sessions (closes_at_ms) WHERE status = 'OPEN';

  CREATE TABLE vouchers (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    session_id TEXT,
    order_id TEXT,
    payer_id TEXT NOT NULL,
    payee_id TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    lapses_at_ms INTEGER,
    ended_at_ms INTEGER,
    settling_since_ms INTEGER,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX vouchers_live_code ON vouchers (code) WHERE ended_at_ms IS NULL;
  CREATE INDEX vouchers_payer ON vouchers (payer_id, created_at_ms);
  CREATE INDEX vouchers_payee ON vouchers (payee_id, created_at_ms);
  CREATE INDEX vouchers_live_payer ON vouchers (payer_id, created_at_ms) WHERE ended_at_ms IS NULL;
  CREATE INDEX vouchers_live_payee ON vouchers (payee_id, created_at_ms) WHERE ended_at_ms IS NULL;
  CREATE INDEX vouchers_session ON vouchers (session_id, created_at_ms) WHERE session_id IS NOT NULL;
  CREATE INDEX vouchers_order ON vouchers (order_id, created_at_ms) WHERE order_id IS NOT NULL;
  CREATE INDEX vouchers_lapses ON vouchers (lapses_at_ms) WHERE lapses_at_ms IS NOT NULL;
  CREATE INDEX vouchers_ended ON vouchers (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
  CREATE INDEX vouchers_settling ON vouchers (settling_since_ms) WHERE settling_since_ms IS NOT NULL;

  CREATE TABLE accounts (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;

  CREATE TABLE credentials (
    row INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    identifier TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, identifier)
  ) STRICT;

  CREATE TABLE api_keys (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX api_keys_owner ON api_keys (owner_id, created_at_ms);

  CREATE TABLE claims (
    row INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,
    key TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    forget_at_ms INTEGER
  ) STRICT;
  CREATE INDEX claims_fingerprint ON claims (fingerprint);
  CREATE INDEX claims_forget ON claims (forget_at_ms) WHERE forget_at_ms IS NOT NULL;

  CREATE TABLE answers (
    row INTEGER PRIMARY KEY,
    fingerprint INTEGER NOT NULL,
    scope TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX answers_expires ON answers (expires_at_ms, row, fingerprint);

  CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE events ADD COLUMN payer_id TEXT;
  ALTER TABLE events ADD COLUMN payee_id TEXT;
  UPDATE events SET payer_id = body ->> '$.payerId', payee_id = body ->> '$.payeeId';
  CREATE INDEX events_payer ON events (payer_id);
  CREATE INDEX events_payee ON events (payee_id) WHERE payee_id IS NOT NULL;
  `,
  `
  CREATE TABLE webhook_endpoints (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    owner_id TEXT NOT NULL,
    payer_id TEXT,
    payee_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    widget_id TEXT,
    enabled INTEGER NOT NULL,
    failing INTEGER NOT NULL,
    paused_until_ms INTEGER,
    deleted_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX webhook_endpoints_place ON webhook_endpoints (owner_id, place) WHERE deleted_at_ms IS NULL;
  CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (owner_id, created_at_ms) WHERE deleted_at_ms IS NULL;
  CREATE INDEX webhook_endpoints_listening_payer ON webhook_endpoints (payer_id) WHERE enabled = 1;
  CREATE INDEX webhook_endpoints_listening_payee ON webhook_endpoints (payee_id) WHERE enabled = 1;
  CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;

  CREATE TABLE webhook_deliveries (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    payer_id TEXT,
    endpoint_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    widget_id TEXT,
    due_at_ms INTEGER,
    created_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (endpoint_id, event_id)
  ) STRICT;
  CREATE INDEX webhook_deliveries_owner ON webhook_deliveries (owner_id, created_at_ms);
  CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at_ms);
  CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at_ms);
  CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at_ms) WHERE due_at_ms IS NOT NULL;
  CREATE INDEX webhook_deliveries_line ON webhook_deliveries (endpoint_id, subject_id) WHERE due_at_ms IS NOT NULL;

  CREATE TABLE log_places (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE relay_queues (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE vouchers ADD COLUMN signed_by TEXT;
  ALTER TABLE vouchers ADD COLUMN settling_hash TEXT;
  CREATE INDEX vouchers_signed_by ON vouchers (signed_by, created_at_ms) WHERE signed_by IS NOT NULL;
  CREATE INDEX vouchers_settling_hash ON vouchers (settling_hash) WHERE settling_hash IS NOT NULL;
  `,
  `
  ALTER TABLE vouchers ADD COLUMN asks TEXT;
  UPDATE vouchers SET asks = lower(CASE
      WHEN body ->> '$.redemption.terms.type' = 'CUSTOM' THEN 'call ' || (body ->> '$.redemption.terms.instruction.input.to')
        || ' ' || (body ->> '$.redemption.terms.instruction.input.value')
        || ' ' || substr(body ->> '$.redemption.terms.instruction.input.data', 1, 10)
      WHEN body ->> '$.redemption.terms.currencyAddress' = '' THEN 'native ' || (body ->> '$.redemption.terms.recipient')
        || ' ' || (body ->> '$.redemption.terms.amountUnits')
      ELSE 'token ' || (body ->> '$.redemption.terms.currencyAddress') || ' ' || (body ->> '$.redemption.terms.recipient')
        || ' ' || (body ->> '$.redemption.terms.amountUnits') END)
    WHERE created_at_ms > (unixepoch() - 172800) * 1000 AND (status IN ('REDEEMED', 'DISCARDED', 'EXPIRED')
      OR status = 'RESOLVED' AND body ->> '$.settlement.status' = 'FAILED');
  DROP INDEX vouchers_signed_by;
  CREATE INDEX vouchers_signed_asks ON vouchers (signed_by, asks) WHERE signed_by IS NOT NULL AND asks IS NOT NULL;
  CREATE INDEX vouchers_payer_asks ON vouchers (payer_id, asks) WHERE asks IS NOT NULL;
  `,
  `
  DROP INDEX vouchers_order;
  DROP INDEX vouchers_live_payer;
  DROP INDEX vouchers_live_payee;
  CREATE INDEX vouchers_code ON vouchers (code, created_at_ms);
  CREATE INDEX vouchers_payer_status ON vouchers (payer_id, status, created_at_ms);
  CREATE INDEX vouchers_payee_status ON vouchers (payee_id, status, created_at_ms);
  CREATE INDEX vouchers_payer_order ON vouchers (payer_id, order_id, created_at_ms) WHERE order_id IS NOT NULL;
  CREATE INDEX vouchers_payee_order ON vouchers (payee_id, order_id, created_at_ms) WHERE order_id IS NOT NULL;
  DROP INDEX webhook_deliveries_owner;
  DROP INDEX webhook_deliveries_endpoint;
  CREATE INDEX webhook_deliveries_owner_status ON webhook_deliveries (owner_id, status, created_at_ms);
  CREATE INDEX webhook_deliveries_endpoint_status ON webhook_deliveries (endpoint_id, status, created_at_ms);
  CREATE INDEX webhook_deliveries_type ON webhook_deliveries (owner_id, event_type, created_at_ms);
  CREATE INDEX webhook_deliveries_widget ON webhook_deliveries (owner_id, widget_id, created_at_ms) WHERE widget_id IS NOT NULL;
  `,
  `
  ALTER TABLE vouchers ADD COLUMN watch TEXT;
  UPDATE vouchers SET watch = json_object(
      'network', body ->> '$.redemption.payments[0].network',
      'payerId', payer_id,
      'pendingSinceMs', CASE WHEN body ->> '$.settlement.status' = 'PENDING' THEN body ->> '$.settlement.submittedAtMs' END,
      'isMined', json(CASE WHEN body ->> '$.settlement.status' = 'PENDING' AND NOT EXISTS (SELECT 1
        FROM json_each(body, '$.settlement.transactions') WHERE value ->> '$.block' IS NULL) THEN 'true' ELSE 'false' END),
      'attemptedAtMs', (SELECT max(value ->> '$.sinceMs') FROM json_each(body, '$.attempts')))
    WHERE settling_since_ms IS NOT NULL;
  DROP INDEX vouchers_settling;
  CREATE INDEX vouchers_watched ON vouchers (settling_since_ms, id, watch) WHERE settling_since_ms IS NOT NULL;
  `,
]

/** The schema that this program writes. */
export const SCHEMA_VERSION = STEPS.length

/** Brings the file from the schema `from` to `SCHEMA_VERSION`, each step in a transaction of its own. */
export function migrate(db: DatabaseSync, from: number): void {
  for (const [index, step] of STEPS.entries()) {
    if (index < from) continue
    db.exec(
      `BEGIN IMMEDIATE; ${step}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}; COMMIT`,
    )
  }
}

/** "SIXP": marks a SQLite file as a store of this program. */
export const APPLICATION_ID = 0x53495850
