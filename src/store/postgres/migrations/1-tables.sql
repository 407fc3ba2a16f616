-- Every table keeps its entity as JSON text in `body`; the other columns are what queries and constraints need. `row`
-- tells rows of one millisecond apart, in the order in which they came. Indexes are partial wherever a query asks for
-- few rows.

CREATE TABLE sixpence_store (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  schema_version integer NOT NULL,
  -- What turns a transaction id into a tick of the log; see `events`.
  tick_offset bigint NOT NULL
);
INSERT INTO sixpence_store (schema_version, tick_offset) VALUES (0, 0);

CREATE TABLE contexts (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  code text NOT NULL,
  payer_id text NOT NULL,
  created_at_ms bigint NOT NULL,
  code_expires_at_ms bigint NOT NULL,
  code_ended_at_ms bigint,
  body text NOT NULL
);
CREATE UNIQUE INDEX contexts_held_code ON contexts (code) WHERE code_ended_at_ms IS NULL;
CREATE INDEX contexts_code ON contexts (code, created_at_ms);
CREATE INDEX contexts_payer ON contexts (payer_id, created_at_ms);
CREATE INDEX contexts_code_lapses ON contexts (code_expires_at_ms) WHERE code_ended_at_ms IS NULL;
CREATE INDEX contexts_code_ended ON contexts (code_ended_at_ms) WHERE code_ended_at_ms IS NOT NULL;

CREATE TABLE sessions (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  status text NOT NULL,
  code text NOT NULL,
  context_id text NOT NULL,
  payer_id text NOT NULL,
  payee_id text NOT NULL,
  created_at_ms bigint NOT NULL,
  closes_at_ms bigint NOT NULL,
  body text NOT NULL
);
CREATE UNIQUE INDEX sessions_open_code ON sessions (code) WHERE status = 'OPEN';
CREATE INDEX sessions_context ON sessions (context_id, created_at_ms);
CREATE INDEX sessions_payer ON sessions (payer_id, created_at_ms);
CREATE INDEX sessions_payee ON sessions (payee_id, created_at_ms);
CREATE INDEX sessions_lapses ON sessions (closes_at_ms) WHERE status = 'OPEN';

CREATE TABLE vouchers (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  status text NOT NULL,
  code text NOT NULL,
  session_id text,
  order_id text,
  payer_id text NOT NULL,
  payee_id text NOT NULL,
  created_at_ms bigint NOT NULL,
  lapses_at_ms bigint,
  ended_at_ms bigint,
  settling_since_ms bigint,
  body text NOT NULL
);
CREATE UNIQUE INDEX vouchers_live_code ON vouchers (code) WHERE ended_at_ms IS NULL;
CREATE INDEX vouchers_payer ON vouchers (payer_id, created_at_ms);
CREATE INDEX vouchers_payee ON vouchers (payee_id, created_at_ms);
CREATE INDEX vouchers_session ON vouchers (session_id, created_at_ms) WHERE session_id IS NOT NULL;
CREATE INDEX vouchers_order ON vouchers (order_id, created_at_ms) WHERE order_id IS NOT NULL;
CREATE INDEX vouchers_lapses ON vouchers (lapses_at_ms) WHERE lapses_at_ms IS NOT NULL;
CREATE INDEX vouchers_ended ON vouchers (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX vouchers_settling ON vouchers (settling_since_ms) WHERE settling_since_ms IS NOT NULL;

CREATE TABLE accounts (
  id text PRIMARY KEY,
  version integer NOT NULL,
  body text NOT NULL
);

CREATE TABLE credentials (
  kind text NOT NULL,
  identifier text NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (kind, identifier)
);

CREATE TABLE api_keys (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  owner_id text NOT NULL,
  hash text NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  body text NOT NULL
);
CREATE INDEX api_keys_owner ON api_keys (owner_id, created_at_ms);

-- Long keys without order are found by 128 bits of their SHA-256: an index that is written all over must be small.

CREATE TABLE claims (
  digest uuid PRIMARY KEY,
  key text NOT NULL,
  owner_id text NOT NULL,
  forget_at_ms bigint
);
CREATE INDEX claims_forget ON claims (forget_at_ms) WHERE forget_at_ms IS NOT NULL;

CREATE TABLE answers (
  digest uuid PRIMARY KEY,
  request_hash text NOT NULL,
  expires_at_ms bigint NOT NULL,
  body text NOT NULL
);
CREATE INDEX answers_expires ON answers (expires_at_ms);

-- The log, in the order of transaction ids. Transactions do not end in that order, so a reader looks only at those below
-- the oldest that is still under way: nothing can come to lie before what it has read. A tick is a transaction id plus
-- `tick_offset`, which moves when the database is restored into a cluster whose transaction ids are behind.
CREATE TABLE events (
  tick bigint NOT NULL,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  body text NOT NULL,
  PRIMARY KEY (tick, row)
);
