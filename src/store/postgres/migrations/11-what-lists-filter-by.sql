-- Whatever a list filters by, alone, is found by an index, also where it matches nothing. Without a status, lists of
-- deliveries merge what each status has.

DROP INDEX vouchers_order;
CREATE INDEX vouchers_payer_status ON vouchers (payer_id, status, created_at_ms);
CREATE INDEX vouchers_payee_status ON vouchers (payee_id, status, created_at_ms);
CREATE INDEX vouchers_payer_order ON vouchers (payer_id, order_id, created_at_ms) WHERE order_id IS NOT NULL;
CREATE INDEX vouchers_payee_order ON vouchers (payee_id, order_id, created_at_ms) WHERE order_id IS NOT NULL;
DROP INDEX webhook_deliveries_owner;
DROP INDEX webhook_deliveries_endpoint;
CREATE INDEX webhook_deliveries_owner_status ON webhook_deliveries (owner_id, status, created_at_ms);
CREATE INDEX webhook_deliveries_endpoint_status ON webhook_deliveries (endpoint_id, status, created_at_ms);
CREATE INDEX webhook_deliveries_type ON webhook_deliveries (owner_id, event_type, created_at_ms);
CREATE INDEX webhook_deliveries_widget ON webhook_deliveries (owner_id, widget_id, created_at_ms) WHERE widget_id IS NOT NULL;
