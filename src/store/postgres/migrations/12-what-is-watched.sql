-- What decides when a watched voucher is looked at next, as JSON beside the voucher, which may be large. A body that jsonb
-- cannot hold (it may have a NUL) has none until the voucher is written again, and is read instead.

ALTER TABLE vouchers ADD COLUMN watch text;

CREATE FUNCTION watch_of(body text, payer_id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  voucher jsonb;
  is_pending boolean;
BEGIN
  voucher := body::jsonb;
  is_pending := coalesce(voucher #>> '{settlement,status}' = 'PENDING', FALSE);
  RETURN jsonb_build_object(
    'network', voucher #>> '{redemption,payments,0,network}',
    'payerId', payer_id,
    'pendingSinceMs', CASE WHEN is_pending THEN voucher #> '{settlement,submittedAtMs}' END,
    'isMined', is_pending AND NOT EXISTS (SELECT FROM jsonb_array_elements(voucher #> '{settlement,transactions}') AS sent
      WHERE sent ->> 'block' IS NULL),
    'attemptedAtMs', (SELECT max((attempt ->> 'sinceMs')::bigint)
      FROM jsonb_array_elements(coalesce(voucher -> 'attempts', '[]')) AS attempt));
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
UPDATE vouchers SET watch = watch_of(body, payer_id) WHERE settling_since_ms IS NOT NULL;
DROP FUNCTION watch_of(text, text);

DROP INDEX vouchers_settling;
CREATE INDEX vouchers_watched ON vouchers (settling_since_ms, id) WHERE settling_since_ms IS NOT NULL;

CREATE OR REPLACE FUNCTION put_vouchers(entities jsonb, code_rest_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put vouchers;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::vouchers, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO vouchers (id, version, status, code, session_id, order_id, payer_id, payee_id, created_at_ms,
          lapses_at_ms, ended_at_ms, settling_since_ms, signed_by, settling_hash, asks,
          watch, body)
        VALUES (put.id, put.version, put.status, put.code, put.session_id, put.order_id, put.payer_id, put.payee_id,
          put.created_at_ms, put.lapses_at_ms, put.ended_at_ms, put.settling_since_ms, put.signed_by,
          put.settling_hash, put.asks, put.watch, put.body)
        ON CONFLICT DO NOTHING;
      IF FOUND THEN
        CONTINUE WHEN put.ended_at_ms IS NOT NULL OR NOT EXISTS (SELECT FROM vouchers
          WHERE code = put.code AND ended_at_ms > put.created_at_ms - code_rest_ms);
        PERFORM raise_conflict('code', put.code);
      END IF;
      IF NOT EXISTS (SELECT FROM vouchers WHERE id = put.id) THEN PERFORM raise_conflict('code', put.code); END IF;
    ELSE
      UPDATE vouchers SET version = put.version, body = put.body, status = put.status, order_id = put.order_id,
          lapses_at_ms = put.lapses_at_ms, ended_at_ms = put.ended_at_ms, settling_since_ms = put.settling_since_ms,
          signed_by = put.signed_by, settling_hash = put.settling_hash, asks = put.asks,
          watch = put.watch
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;
