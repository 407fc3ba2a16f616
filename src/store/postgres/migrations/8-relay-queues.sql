-- What relayer keys have under way, and what they have spent of late.

CREATE TABLE relay_queues (
  id text PRIMARY KEY,
  version integer NOT NULL,
  body text NOT NULL
);

CREATE FUNCTION put_relay_queues(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put relay_queues;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::relay_queues, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO relay_queues (id, version, body) VALUES (put.id, put.version, put.body) ON CONFLICT DO NOTHING;
    ELSE
      UPDATE relay_queues SET version = put.version, body = put.body WHERE id = put.id AND version = put.version - 1;
    END IF;
    IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION commit_change(change jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  code_rest_ms bigint := change->'code_rest_ms';
BEGIN
  IF change ? 'fence' THEN PERFORM assert_lease_held(change->'fence'); END IF;
  IF change ? 'locks' THEN PERFORM take_locks(change->'locks'); END IF;
  IF change ? 'answer' THEN PERFORM store_answer(change->'answer', now_ms); END IF;
  IF change ? 'unchanged_contexts' THEN PERFORM assert_contexts_unchanged(change->'unchanged_contexts'); END IF;
  IF change ? 'unchanged_sessions' THEN PERFORM assert_sessions_unchanged(change->'unchanged_sessions'); END IF;
  IF change ? 'contexts' THEN PERFORM put_contexts(change->'contexts', code_rest_ms); END IF;
  IF change ? 'sessions' THEN PERFORM put_sessions(change->'sessions'); END IF;
  IF change ? 'vouchers' THEN PERFORM put_vouchers(change->'vouchers', code_rest_ms); END IF;
  IF change ? 'accounts' THEN PERFORM put_accounts(change->'accounts'); END IF;
  IF change ? 'api_keys' THEN PERFORM put_api_keys(change->'api_keys'); END IF;
  IF change ? 'credentials' THEN PERFORM add_credentials(change->'credentials'); END IF;
  IF change ? 'webhook_endpoints' THEN PERFORM put_webhook_endpoints(change->'webhook_endpoints'); END IF;
  IF change ? 'webhook_deliveries' THEN PERFORM put_webhook_deliveries(change->'webhook_deliveries'); END IF;
  IF change ? 'log_places' THEN PERFORM put_log_places(change->'log_places'); END IF;
  IF change ? 'relay_queues' THEN PERFORM put_relay_queues(change->'relay_queues'); END IF;
  IF change ? 'claims' THEN PERFORM take_claims(change->'claims'); END IF;
  IF change ? 'events' THEN PERFORM log_events(change->'events'); END IF;
END $$;
