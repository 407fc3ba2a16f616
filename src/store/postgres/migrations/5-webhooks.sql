-- Webhook endpoints, what is on its way to them, and how far the log has been handed out.

CREATE TABLE webhook_endpoints (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  owner_id text NOT NULL,
  payer_id text,
  payee_id text NOT NULL,
  place integer NOT NULL,
  widget_id text,
  enabled integer NOT NULL,
  failing integer NOT NULL,
  paused_until_ms bigint,
  deleted_at_ms bigint,
  created_at_ms bigint NOT NULL,
  body text NOT NULL
);
CREATE UNIQUE INDEX webhook_endpoints_place ON webhook_endpoints (owner_id, place) WHERE deleted_at_ms IS NULL;
CREATE INDEX webhook_endpoints_owner ON webhook_endpoints (owner_id, created_at_ms) WHERE deleted_at_ms IS NULL;
CREATE INDEX webhook_endpoints_listening_payer ON webhook_endpoints (payer_id) WHERE enabled = 1;
CREATE INDEX webhook_endpoints_listening_payee ON webhook_endpoints (payee_id) WHERE enabled = 1;
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (deleted_at_ms) WHERE deleted_at_ms IS NOT NULL;

CREATE TABLE webhook_deliveries (
  id text PRIMARY KEY,
  row bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  version integer NOT NULL,
  status text NOT NULL,
  owner_id text NOT NULL,
  payer_id text,
  endpoint_id text NOT NULL,
  event_id text NOT NULL,
  event_type text NOT NULL,
  subject_id text NOT NULL,
  widget_id text,
  due_at_ms bigint,
  created_at_ms bigint NOT NULL,
  body text NOT NULL,
  UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_owner ON webhook_deliveries (owner_id, created_at_ms);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (endpoint_id, created_at_ms);
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at_ms);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX webhook_deliveries_line ON webhook_deliveries (endpoint_id, subject_id, row) WHERE due_at_ms IS NOT NULL;

CREATE TABLE log_places (
  id text PRIMARY KEY,
  version integer NOT NULL,
  body text NOT NULL
);

CREATE FUNCTION put_webhook_endpoints(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put webhook_endpoints;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::webhook_endpoints, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO webhook_endpoints (id, version, owner_id, payer_id, payee_id, place, widget_id, enabled, failing,
          paused_until_ms, deleted_at_ms, created_at_ms, body)
        VALUES (put.id, put.version, put.owner_id, put.payer_id, put.payee_id, put.place, put.widget_id,
          put.enabled, put.failing, put.paused_until_ms, put.deleted_at_ms, put.created_at_ms, put.body)
        ON CONFLICT DO NOTHING;
    ELSE
      UPDATE webhook_endpoints SET version = put.version, body = put.body, enabled = put.enabled, failing = put.failing,
          paused_until_ms = put.paused_until_ms, deleted_at_ms = put.deleted_at_ms
        WHERE id = put.id AND version = put.version - 1;
    END IF;
    IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
  END LOOP;
END $$;

-- What an endpoint has of an event already stays as it is.
CREATE FUNCTION put_webhook_deliveries(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put webhook_deliveries;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::webhook_deliveries, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO webhook_deliveries (id, version, status, owner_id, payer_id, endpoint_id, event_id, event_type,
          subject_id, widget_id, due_at_ms, created_at_ms, body)
        VALUES (put.id, put.version, put.status, put.owner_id, put.payer_id, put.endpoint_id, put.event_id,
          put.event_type, put.subject_id, put.widget_id, put.due_at_ms, put.created_at_ms, put.body)
        ON CONFLICT (endpoint_id, event_id) DO NOTHING;
    ELSE
      UPDATE webhook_deliveries SET version = put.version, body = put.body, status = put.status, due_at_ms = put.due_at_ms
        WHERE id = put.id AND version = put.version - 1;
      IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION put_log_places(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put log_places;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::log_places, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO log_places (id, version, body) VALUES (put.id, put.version, put.body) ON CONFLICT DO NOTHING;
    ELSE
      UPDATE log_places SET version = put.version, body = put.body WHERE id = put.id AND version = put.version - 1;
    END IF;
    IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION commit_change(change jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF change ? 'fence' THEN PERFORM assert_lease_held(change->'fence'); END IF;
  IF change ? 'locks' THEN PERFORM take_locks(change->'locks'); END IF;
  IF change ? 'answer' THEN PERFORM store_answer(change->'answer', now_ms); END IF;
  IF change ? 'unchanged_contexts' THEN PERFORM assert_contexts_unchanged(change->'unchanged_contexts'); END IF;
  IF change ? 'unchanged_sessions' THEN PERFORM assert_sessions_unchanged(change->'unchanged_sessions'); END IF;
  IF change ? 'contexts' THEN PERFORM put_contexts(change->'contexts'); END IF;
  IF change ? 'sessions' THEN PERFORM put_sessions(change->'sessions'); END IF;
  IF change ? 'vouchers' THEN PERFORM put_vouchers(change->'vouchers'); END IF;
  IF change ? 'accounts' THEN PERFORM put_accounts(change->'accounts'); END IF;
  IF change ? 'api_keys' THEN PERFORM put_api_keys(change->'api_keys'); END IF;
  IF change ? 'credentials' THEN PERFORM add_credentials(change->'credentials'); END IF;
  IF change ? 'webhook_endpoints' THEN PERFORM put_webhook_endpoints(change->'webhook_endpoints'); END IF;
  IF change ? 'webhook_deliveries' THEN PERFORM put_webhook_deliveries(change->'webhook_deliveries'); END IF;
  IF change ? 'log_places' THEN PERFORM put_log_places(change->'log_places'); END IF;
  IF change ? 'claims' THEN PERFORM take_claims(change->'claims'); END IF;
  IF change ? 'events' THEN PERFORM log_events(change->'events'); END IF;
END $$;
