-- seq orders rows by the moment they were written: wall-clock time may go backwards.
create table runs (
  seq bigserial primary key,
  id text not null unique,
  kind text not null,
  name text not null,
  status text not null,
  trigger_kind text not null,
  started_at bigint not null,
  ended_at bigint,
  environment text not null,
  parameters text not null,
  error text,
  lease_owner text,
  lease_until bigint
);
create index runs_by_name on runs (name, seq);
create index runs_by_status on runs (status, seq);

create table steps (
  seq bigserial primary key,
  run_id text not null references runs (id),
  step text not null,
  status text not null,
  attempt integer not null,
  cache_key text,
  key_parts text,
  reason text,
  reused_from text,
  started_at bigint,
  ended_at bigint,
  outputs text,
  error text,
  process text,
  unique (run_id, step)
);
create index steps_by_name on steps (step, seq);

create table cache (
  key text primary key,
  step text not null,
  run_id text not null,
  outputs text not null,
  key_parts text not null,
  at bigint not null
);

create table edges (
  from_node text not null,
  to_node text not null,
  relation text not null,
  primary key (from_node, to_node, relation)
);
create index edges_by_target on edges (to_node);

create table decisions (
  seq bigserial primary key,
  id text not null unique,
  kind text not null,
  subject text not null,
  at bigint not null,
  body text not null
);
create index decisions_by_subject on decisions (subject, seq);

create table reports (
  seq bigserial primary key,
  id text not null unique,
  kind text not null,
  subject text not null,
  at bigint not null,
  body text not null
);
create index reports_by_subject on reports (subject, seq);

-- A number stays used when its version goes: the counter is apart from the versions.
create table model_counters (
  model text primary key,
  last bigint not null
);

create table model_versions (
  seq bigserial primary key,
  model text not null,
  version bigint not null,
  digest text not null,
  run_id text not null,
  created_at bigint not null,
  metrics text not null,
  facts text not null,
  tags text not null,
  unique (model, version)
);

create table model_aliases (
  model text not null,
  alias text not null,
  version bigint not null,
  primary key (model, alias),
  foreign key (model, version) references model_versions (model, version)
);

create table documents (
  kind text not null,
  id text not null,
  revision bigint not null,
  value text not null,
  at bigint not null,
  primary key (kind, id)
);

create table windows (
  monitor text not null,
  series text not null,
  from_at bigint not null,
  to_at bigint not null,
  body text not null,
  primary key (monitor, from_at, series, to_at)
);

create table experiments (
  seq bigserial primary key,
  id text not null unique,
  name text not null unique,
  created_at bigint not null,
  updated_at bigint not null,
  deleted integer not null,
  tags text not null
);

create table run_params (
  run_id text not null references runs (id),
  key text not null,
  value text not null,
  primary key (run_id, key)
);

create table run_tags (
  run_id text not null references runs (id),
  key text not null,
  value text not null,
  primary key (run_id, key)
);

-- NaN is written as 0 with is_nan set, as in SQLite, so that both order points alike.
create table metrics (
  run_id text not null references runs (id),
  key text not null,
  timestamp bigint not null,
  step bigint not null,
  value double precision not null,
  is_nan integer not null,
  primary key (run_id, key, timestamp, step, is_nan, value)
);

create table latest_metrics (
  run_id text not null references runs (id),
  key text not null,
  timestamp bigint not null,
  step bigint not null,
  value double precision not null,
  is_nan integer not null,
  primary key (run_id, key)
);
