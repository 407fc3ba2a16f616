-- Several nodes deal codes, so the database sees to their rest: who takes a code that ended within the rest loses.
-- The times are those that the rows tell.

DROP INDEX vouchers_ended;
CREATE INDEX vouchers_code_ended ON vouchers (code, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
DROP INDEX contexts_code_ended;
CREATE INDEX contexts_code_ended ON contexts (code, code_ended_at_ms) WHERE code_ended_at_ms IS NOT NULL;

-- The rest is looked at once the code is taken: then whoever held it before has ended for all to see.
DROP FUNCTION put_contexts(jsonb);
CREATE FUNCTION put_contexts(entities jsonb, code_rest_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put contexts;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::contexts, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO contexts (id, version, code, payer_id, created_at_ms, code_expires_at_ms, code_ended_at_ms, body)
        VALUES (put.id, put.version, put.code, put.payer_id, put.created_at_ms, put.code_expires_at_ms,
          put.code_ended_at_ms, put.body)
        ON CONFLICT DO NOTHING;
      IF FOUND THEN
        CONTINUE WHEN put.code_ended_at_ms IS NOT NULL OR put.code !~ '^[0-9]{6}$' OR NOT EXISTS (SELECT FROM contexts
          WHERE code = put.code AND code_ended_at_ms > put.created_at_ms - code_rest_ms);
        PERFORM raise_conflict('code', put.code);
      END IF;
      IF NOT EXISTS (SELECT FROM contexts WHERE id = put.id) THEN PERFORM raise_conflict('code', put.code); END IF;
    ELSE
      UPDATE contexts SET version = put.version, body = put.body, code_ended_at_ms = put.code_ended_at_ms
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;

DROP FUNCTION put_vouchers(jsonb);
CREATE FUNCTION put_vouchers(entities jsonb, code_rest_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put vouchers;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::vouchers, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO vouchers (id, version, status, code, session_id, order_id, payer_id, payee_id, created_at_ms,
          lapses_at_ms, ended_at_ms, settling_since_ms, body)
        VALUES (put.id, put.version, put.status, put.code, put.session_id, put.order_id, put.payer_id, put.payee_id,
          put.created_at_ms, put.lapses_at_ms, put.ended_at_ms, put.settling_since_ms, put.body)
        ON CONFLICT DO NOTHING;
      IF FOUND THEN
        CONTINUE WHEN put.ended_at_ms IS NOT NULL OR NOT EXISTS (SELECT FROM vouchers
          WHERE code = put.code AND ended_at_ms > put.created_at_ms - code_rest_ms);
        PERFORM raise_conflict('code', put.code);
      END IF;
      IF NOT EXISTS (SELECT FROM vouchers WHERE id = put.id) THEN PERFORM raise_conflict('code', put.code); END IF;
    ELSE
      UPDATE vouchers SET version = put.version, body = put.body, status = put.status, order_id = put.order_id,
          lapses_at_ms = put.lapses_at_ms, ended_at_ms = put.ended_at_ms, settling_since_ms = put.settling_since_ms
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
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
  IF change ? 'claims' THEN PERFORM take_claims(change->'claims'); END IF;
  IF change ? 'events' THEN PERFORM log_events(change->'events'); END IF;
END $$;
