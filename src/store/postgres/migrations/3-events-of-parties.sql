-- Who may see an event, so that each party finds its own. In the events that are there, the parties stand before the data.

ALTER TABLE events ADD COLUMN payer_id text, ADD COLUMN payee_id text;
UPDATE events SET
  payer_id = substring(body FROM '"payerId":"([^"]*)"'),
  payee_id = substring(body FROM '"payerId":"[^"]*","payeeId":"([^"]*)"');
ALTER TABLE events ALTER COLUMN payer_id SET NOT NULL;
CREATE INDEX events_payer ON events (payer_id, tick, row);
CREATE INDEX events_payee ON events (payee_id, tick, row) WHERE payee_id IS NOT NULL;

DROP FUNCTION log_events(jsonb);
CREATE FUNCTION log_events(logged jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (tick, payer_id, payee_id, body)
    SELECT (SELECT tick_offset FROM sixpence_store) + pg_current_xact_id()::text::bigint,
      event.payer_id, event.payee_id, event.body
    FROM jsonb_populate_recordset(NULL::events, logged) AS event;
END $$;
