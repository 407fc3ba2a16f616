-- Who comes first where one payment would do for several payers: whose address has signed for its voucher, and who waits
-- for the transaction already.

ALTER TABLE vouchers ADD COLUMN signed_by text, ADD COLUMN settling_hash text;
CREATE INDEX vouchers_signed_by ON vouchers (signed_by, created_at_ms) WHERE signed_by IS NOT NULL;
CREATE INDEX vouchers_settling_hash ON vouchers (settling_hash) WHERE settling_hash IS NOT NULL;

CREATE OR REPLACE FUNCTION put_vouchers(entities jsonb, code_rest_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put vouchers;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::vouchers, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO vouchers (id, version, status, code, session_id, order_id, payer_id, payee_id, created_at_ms,
          lapses_at_ms, ended_at_ms, settling_since_ms, signed_by, settling_hash, body)
        VALUES (put.id, put.version, put.status, put.code, put.session_id, put.order_id, put.payer_id, put.payee_id,
          put.created_at_ms, put.lapses_at_ms, put.ended_at_ms, put.settling_since_ms, put.signed_by,
          put.settling_hash, put.body)
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
          signed_by = put.signed_by, settling_hash = put.settling_hash
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;
