-- What TTAI itself keeps: analyses, notifications, and the price alerts that the watcher judges.

CREATE TABLE analyses (
  run_id         text PRIMARY KEY,
  owner          text NOT NULL,
  symbol         text NOT NULL,
  type           text NOT NULL,
  status         text NOT NULL,
  recommendation text,
  result         jsonb NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX analyses_owner ON analyses (owner, created_at DESC);

-- `seq` counts from 1 for each owner, without gaps, in the order of the commits: the counter's row is locked until then.
CREATE TABLE notification_counters (
  owner    text PRIMARY KEY,
  last_seq bigint NOT NULL
);
CREATE TABLE notifications (
  owner  text NOT NULL,
  seq    bigint NOT NULL,
  -- address#revision.index of the step that emitted it
  id     text NOT NULL UNIQUE,
  type   text NOT NULL,
  source text NOT NULL,
  at     timestamptz NOT NULL,
  data   jsonb NOT NULL,
  PRIMARY KEY (owner, seq)
);

-- Price alerts that wait for a price. `upper`: met at this price or above; `lower`: at this price or below.
CREATE TABLE armed_alerts (
  address    text PRIMARY KEY,
  owner      text NOT NULL,
  symbol     text NOT NULL,
  upper      numeric,
  lower      numeric,
  -- the next fresh quote is wanted whatever its price: the first after arming, or the first after a time without
  wants_quote boolean NOT NULL,
  -- it was told that there is no fresh quote
  blind       boolean NOT NULL
);
CREATE INDEX armed_alerts_upper ON armed_alerts (symbol, upper) WHERE upper IS NOT NULL;
CREATE INDEX armed_alerts_lower ON armed_alerts (symbol, lower) WHERE lower IS NOT NULL;
CREATE INDEX armed_alerts_wanting ON armed_alerts (symbol) WHERE wants_quote;
