-- What a payment would have to be that still counts for a voucher: so vouchers that one payment would serve are found by
-- what they ask for, and only those. In a body the terms stand before all that callers may write as they like.

ALTER TABLE vouchers ADD COLUMN asks text;
UPDATE vouchers SET asks = lower(CASE
    WHEN substring(body FROM '"terms":\{"type":"([A-Z]*)"') = 'CUSTOM' THEN 'call '
      || array_to_string(regexp_match(body, '"instruction":\{[^{]*"input":\{"from":"\{payer\}","to":"([^"]*)","value":"([^"]*)","data":"(0x[0-9a-fA-F]{0,8})'), ' ')
    WHEN substring(body FROM '"currencyAddress":"([^"]*)"') = '' THEN 'native ' || substring(body FROM '"recipient":"([^"]*)"')
      || ' ' || substring(body FROM '"amountUnits":"([^"]*)"')
    ELSE 'token ' || substring(body FROM '"currencyAddress":"([^"]*)"') || ' ' || substring(body FROM '"recipient":"([^"]*)"')
      || ' ' || substring(body FROM '"amountUnits":"([^"]*)"') END)
  WHERE created_at_ms > (extract(epoch FROM now()) - 172800) * 1000 AND body LIKE '%"terms":{"type":"%'
    AND (status IN ('REDEEMED', 'DISCARDED', 'EXPIRED') OR (status = 'RESOLVED' AND body LIKE '%"settlement":{"status":"FAILED"%'));
DROP INDEX vouchers_signed_by;
CREATE INDEX vouchers_signed_asks ON vouchers (signed_by, asks) WHERE signed_by IS NOT NULL AND asks IS NOT NULL;
CREATE INDEX vouchers_payer_asks ON vouchers (payer_id, asks) WHERE asks IS NOT NULL;

CREATE OR REPLACE FUNCTION put_vouchers(entities jsonb, code_rest_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  put vouchers;
BEGIN
  FOR put IN SELECT * FROM jsonb_populate_recordset(NULL::vouchers, entities) LOOP
    IF put.version = 1 THEN
      INSERT INTO vouchers (id, version, status, code, session_id, order_id, payer_id, payee_id, created_at_ms,
          lapses_at_ms, ended_at_ms, settling_since_ms, signed_by, settling_hash, asks,
          body)
        VALUES (put.id, put.version, put.status, put.code, put.session_id, put.order_id, put.payer_id, put.payee_id,
          put.created_at_ms, put.lapses_at_ms, put.ended_at_ms, put.settling_since_ms, put.signed_by,
          put.settling_hash, put.asks, put.body)
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
          signed_by = put.signed_by, settling_hash = put.settling_hash, asks = put.asks
        WHERE id = put.id AND version = put.version - 1;
      CONTINUE WHEN FOUND;
    END IF;
    PERFORM raise_conflict('version', put.id);
  END LOOP;
END $$;
