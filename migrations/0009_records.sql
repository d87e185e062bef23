-- What part of TTAI's records came with the monitors, the screeners, the trading day and the webhooks.

-- How an owner wants to be told. An owner without a row has the defaults.
CREATE TABLE preferences (
  owner text PRIMARY KEY,
  time_zone text NOT NULL DEFAULT 'America/New_York',
  -- Of `live` and `webhook`: where notifications are pushed. They are kept, and can be read, either way.
  channels text[] NOT NULL DEFAULT '{live,webhook}',
  morning_alert boolean NOT NULL DEFAULT false,
  -- Webhooks wait between the two, in the owner's time zone; both or neither. `22:00` to `07:00` is over midnight.
  quiet_from time,
  quiet_until time,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
CREATE INDEX preferences_morning ON preferences (owner) WHERE morning_alert;

-- What an owner holds, one trade a row.
CREATE TABLE positions (
  id uuid PRIMARY KEY,
  owner text NOT NULL,
  portfolio text NOT NULL DEFAULT 'main',
  symbol text NOT NULL,
  -- As in the analysis service's /positions/evaluate: kind, right, strike, expiration, quantity (signed), openPrice.
  legs jsonb NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  -- Of a closed one, in currency for the whole position; null when it is not known.
  realized_pnl numeric,
  -- `manual`, `csv` or `tastytrade`; with the id that it has there.
  source text NOT NULL DEFAULT 'manual',
  external_id text,
  note text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
CREATE INDEX positions_open ON positions (owner, portfolio, symbol, id) WHERE status = 'open';
CREATE INDEX positions_page ON positions (owner, opened_at DESC, id);
CREATE INDEX positions_closed ON positions (owner, closed_at, id) WHERE status = 'closed';
CREATE UNIQUE INDEX positions_external ON positions (owner, source, external_id) WHERE external_id IS NOT NULL;

-- What positions were worth at the closes that a summary was made for: the next day's profit and loss counts from
-- there. Null: it was not known then.
CREATE TABLE position_marks (
  owner text NOT NULL,
  -- Of New York.
  date date NOT NULL,
  position_id uuid NOT NULL,
  market_value numeric,
  pnl numeric,
  PRIMARY KEY (owner, date, position_id)
);
-- What a briefing asks of the alerts of one owner.
CREATE INDEX armed_alerts_owner ON armed_alerts (owner, symbol);

CREATE TABLE saved_screeners (
  id uuid PRIMARY KEY,
  owner text NOT NULL,
  name text NOT NULL,
  criteria jsonb NOT NULL,
  max_symbols integer NOT NULL DEFAULT 50,
  -- Run at each full hour of a session.
  auto_run boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner, name)
);
CREATE INDEX saved_screeners_auto ON saved_screeners (id) WHERE auto_run;

-- Finished screener runs. Written once for each run.
CREATE TABLE screener_results (
  run_id text PRIMARY KEY,
  owner text NOT NULL,
  saved_screener_id uuid,
  status text NOT NULL,
  result jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX screener_results_page ON screener_results (owner, created_at DESC, run_id);

CREATE TABLE webhooks (
  id uuid PRIMARY KEY,
  owner text NOT NULL,
  -- An owner has at most as many as there are slots.
  slot smallint NOT NULL,
  -- A secret where the service's own secret is in it, as with Slack and Discord: never shown as a whole.
  url text NOT NULL,
  format text NOT NULL CHECK (format IN ('json', 'slack', 'discord')),
  -- Signs what is sent; never answered again after it was made.
  secret text NOT NULL,
  -- Types of notifications that are wanted; null: all.
  types text[],
  -- The last notification that its delivery has done with.
  delivered_seq bigint NOT NULL DEFAULT 0,
  -- Nothing is sent any more, until a test succeeds.
  disabled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (owner, slot)
);
CREATE INDEX webhooks_owner ON webhooks (owner, created_at, id);
CREATE UNIQUE INDEX webhooks_url ON webhooks (owner, md5(url));

CREATE INDEX analyses_kept ON analyses (created_at);
CREATE INDEX screener_results_kept ON screener_results (created_at);
CREATE INDEX notifications_kept ON notifications (at);
-- What of an owner's notifications falls into a time.
CREATE INDEX notifications_time ON notifications (owner, at);
-- Of what was deleted for its age the highest number: who has read less than that has missed something.
ALTER TABLE notification_counters ADD COLUMN pruned_seq bigint NOT NULL DEFAULT 0;

-- One look into it for each symbol finds all symbols that are armed; and who has not been told yet of a lost quote.
CREATE INDEX armed_alerts_symbol ON armed_alerts (symbol);
CREATE INDEX armed_alerts_seeing ON armed_alerts (symbol) WHERE NOT blind;
