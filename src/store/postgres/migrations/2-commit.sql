-- `commit_change` applies a change in one call, whole or not at all. What loses a race raises SQLSTATE SX001, with the
-- kind of conflict as its message and the key as its detail. Rows that others may change
-- too come in the order of their ids, so that commits wait for each other in one order.

CREATE FUNCTION raise_conflict(kind text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'SX001', MESSAGE = kind, DETAIL = key;
END $$;

-- Locks the rows that must not change (shared) or that will (alone) until the transaction has ended. Advisory locks,
-- because they queue fairly, leave the rows untouched, and need no transaction id: a commit that had to wait gets its
-- place in the log after the one that it waited for. Rows share 1024 locks, so that no change needs more than the server
-- has.
CREATE FUNCTION take_locks(locks jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT hashtext(id) & 1023 AS bucket, bool_and(shared) AS shared
    FROM jsonb_to_recordset(locks) AS _(id text, shared boolean)
    GROUP BY bucket ORDER BY bucket
  LOOP
    IF wanted.shared THEN
      PERFORM pg_advisory_xact_lock_shared(x'53495850'::integer, wanted.bucket);
    ELSE
      PERFORM pg_advisory_xact_lock(x'53495850'::integer, wanted.bucket);
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION store_answer(answer jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO answers AS stored (digest, request_hash, expires_at_ms, body)
    SELECT digest, request_hash, expires_at_ms, body FROM jsonb_populate_record(NULL::answers, answer)
    ON CONFLICT (digest) DO UPDATE
      SET request_hash = excluded.request_hash, expires_at_ms = excluded.expires_at_ms, body = excluded.body
      WHERE stored.expires_at_ms <= now_ms;
  IF NOT FOUND AND NOT (answer->>'if_absent')::boolean THEN
    PERFORM raise_conflict('answer', answer->>'scope');
  END IF;
END $$;

CREATE FUNCTION assert_contexts_unchanged(guards jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  guard record;
BEGIN
  FOR guard IN SELECT * FROM jsonb_to_recordset(guards) AS _(id text, version integer) LOOP
    IF NOT EXISTS (SELECT FROM contexts WHERE id = guard.id AND version = guard.version) THEN
      PERFORM raise_conflict('version', guard.id);
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION assert_sessions_unchanged(guards jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  guard record;
BEGIN
  FOR guard IN SELECT * FROM jsonb_to_recordset(guards) AS _(id text, version integer) LOOP
    IF NOT EXISTS (SELECT FROM sessions WHERE id = guard.id AND version = guard.version) THEN
      PERFORM raise_conflict('version', guard.id);
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION put_contexts(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put contexts;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::contexts, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO contexts (id, version, code, payer_id, created_at_ms, code_expires_at_ms, code_ended_at_ms, body)
        VALUES (put.id, put.version, put.code, put.payer_id, put.created_at_ms, put.code_expires_at_ms,
          put.code_ended_at_ms, put.body)
        ON CONFLICT DO NOTHING;
      CONTINUE WHEN FOUND;
      IF NOT EXISTS (SELECT FROM contexts WHERE id = put.id) THEN PERFORM raise_conflict('code', put.code); END IF;
    ELSE
      UPDATE contexts SET version = put.version, body = put.body, code_ended_at_ms = put.code_ended_at_ms
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;

CREATE FUNCTION put_sessions(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put sessions;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::sessions, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO sessions (id, version, status, code, context_id, payer_id, payee_id, created_at_ms, closes_at_ms, body)
        VALUES (put.id, put.version, put.status, put.code, put.context_id, put.payer_id, put.payee_id,
          put.created_at_ms, put.closes_at_ms, put.body)
        ON CONFLICT DO NOTHING;
      CONTINUE WHEN FOUND;
      IF NOT EXISTS (SELECT FROM sessions WHERE id = put.id) THEN PERFORM raise_conflict('code', put.code); END IF;
    ELSE
      UPDATE sessions SET version = put.version, body = put.body, status = put.status
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;

CREATE FUNCTION put_vouchers(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
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
      CONTINUE WHEN FOUND;
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

CREATE FUNCTION put_accounts(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put accounts;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::accounts, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO accounts (id, version, body) VALUES (put.id, put.version, put.body) ON CONFLICT DO NOTHING;
    ELSE
      UPDATE accounts SET version = put.version, body = put.body WHERE id = put.id AND version = put.version - 1;
    END IF;
    IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
  END LOOP;
END $$;

CREATE FUNCTION put_api_keys(entities jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put api_keys;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::api_keys, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO api_keys (id, version, owner_id, hash, created_at_ms, body)
        VALUES (put.id, put.version, put.owner_id, put.hash, put.created_at_ms, put.body)
        ON CONFLICT (id) DO NOTHING;
    ELSE
      UPDATE api_keys SET version = put.version, body = put.body WHERE id = put.id AND version = put.version - 1;
    END IF;
    IF NOT FOUND THEN PERFORM raise_conflict('version', put.id); END IF;
  END LOOP;
END $$;

CREATE FUNCTION add_credentials(added jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  credential credentials;
BEGIN
  FOR credential IN SELECT * FROM jsonb_populate_recordset(NULL::credentials, added) LOOP
    INSERT INTO credentials (kind, identifier, body)
      VALUES (credential.kind, credential.identifier, credential.body)
      ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      PERFORM raise_conflict('credential', credential.kind || ' ' || credential.identifier);
    END IF;
  END LOOP;
END $$;

-- A claim taken again by its owner is kept for the longer of both times.
CREATE FUNCTION take_claims(taken jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  claim claims;
BEGIN
  FOR claim IN SELECT * FROM jsonb_populate_recordset(NULL::claims, taken) LOOP
    INSERT INTO claims AS stored (digest, key, owner_id, forget_at_ms)
      VALUES (claim.digest, claim.key, claim.owner_id, claim.forget_at_ms)
      ON CONFLICT (digest) DO UPDATE
        SET forget_at_ms = CASE WHEN excluded.forget_at_ms > stored.forget_at_ms THEN excluded.forget_at_ms
          WHEN excluded.forget_at_ms IS NOT NULL THEN stored.forget_at_ms END
        WHERE stored.owner_id = excluded.owner_id;
    IF NOT FOUND THEN PERFORM raise_conflict('claim', claim.key); END IF;
  END LOOP;
END $$;

CREATE FUNCTION log_events(bodies jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (tick, body)
    SELECT (SELECT tick_offset FROM sixpence_store) + pg_current_xact_id()::text::bigint, body
    FROM jsonb_array_elements_text(bodies) AS body;
END $$;

-- The answer comes first: of two calls with one idempotency key, the loser learns that there is an answer to repeat.
CREATE FUNCTION commit_change(change jsonb, now_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
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
  IF change ? 'claims' THEN PERFORM take_claims(change->'claims'); END IF;
  IF change ? 'events' THEN PERFORM log_events(change->'events'); END IF;
END $$;
