-- What one node at a time may do. The clock is the database's, since nodes' clocks may be wrong. `token` grows with each
-- holder, and as a lease is given up: whoever holds an older one has lost the lease, whatever it believes.

CREATE TABLE leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  ends_at timestamptz NOT NULL
);

-- A fenced commit shares this lock until it has ended, and whoever takes the lease over holds it alone. Renewing needs no
-- lock. Beside the 1024 locks of rows.
CREATE FUNCTION lock_of_lease(lease_name text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT 1024 + (hashtext(lease_name) & 1023)
$$;

-- Renews the taker's own lease, or takes one that is free and under which nobody is committing. NULL: somebody else has it.
CREATE FUNCTION take_lease(lease_name text, taker text, life_ms bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  ending timestamptz := clock_timestamp() + life_ms * interval '1 millisecond';
  taken bigint;
BEGIN
  UPDATE leases SET ends_at = ending
    WHERE name = lease_name AND holder = taker AND ends_at > clock_timestamp()
    RETURNING token INTO taken;
  IF FOUND THEN RETURN taken; END IF;
  IF EXISTS (SELECT FROM leases WHERE name = lease_name AND ends_at > clock_timestamp())
      OR NOT pg_try_advisory_xact_lock(x'53495850'::integer, lock_of_lease(lease_name)) THEN
    RETURN NULL;
  END IF;
  INSERT INTO leases AS lapsed (name, holder, token, ends_at) VALUES (lease_name, taker, 1, ending)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lapsed.token + 1, ends_at = excluded.ends_at
      WHERE lapsed.ends_at <= clock_timestamp()
    RETURNING token INTO taken;
  RETURN taken;
END $$;

-- Checked once the lock is there, so that what a takeover wrote is seen.
CREATE FUNCTION assert_lease_held(fence jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(x'53495850'::integer, lock_of_lease(fence->>'name'));
  IF NOT EXISTS (SELECT FROM leases
      WHERE name = fence->>'name' AND token = (fence->>'token')::bigint AND ends_at > clock_timestamp()) THEN
    PERFORM raise_conflict('fence', fence->>'name');
  END IF;
END $$;

-- The fence comes first: who does not hold the lease learns nothing else.
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
  IF change ? 'claims' THEN PERFORM take_claims(change->'claims'); END IF;
  IF change ? 'events' THEN PERFORM log_events(change->'events'); END IF;
END $$;
