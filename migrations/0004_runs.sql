-- Analyses to work on, across tenants. Whoever works on one holds a transaction's advisory lock, which dies with it.
-- Ids and times only: what was asked is in the log.
create table vault.run_queue (
    tenant_id uuid not null,
    run_id uuid not null,
    queued_at timestamptz not null default now(),
    primary key (tenant_id, run_id)
);
create index run_queue_by_time on vault.run_queue (queued_at);
grant select, insert, delete on vault.run_queue to dyocense_vault;
