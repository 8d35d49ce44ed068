-- Failed webhook events are counted at each look of the operator's monitoring, without reading the ledger.
-- Up Migration

-- Accepts index-blocks-writes: built in one look over a ledger of days.
CREATE INDEX webhook_events_failed ON webhook_events (id) WHERE status = 'failed';

-- Down Migration

DROP INDEX webhook_events_failed;
