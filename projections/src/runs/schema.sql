create table runs (
    tenant_id uuid not null,
    run_id uuid not null,
    kind text not null,
    status text not null,
    request jsonb not null,
    -- Of the metric that was asked about, if it was one.
    metric_id uuid,
    seed int8 not null,
    requested_by uuid,
    requested_at timestamptz not null,
    stop_requested bool not null,
    finished_at timestamptz,
    completion jsonb,
    failure text,
    accepted_at timestamptz,
    accepted_by uuid,
    -- The goals that follow its plan.
    followed jsonb not null,
    position bigint not null,
    primary key (tenant_id, run_id)
);
create index runs_by_kind on runs (tenant_id, kind, run_id);
create index runs_by_metric on runs (tenant_id, metric_id, run_id) where metric_id is not null;
-- What people asked for about a metric, among all that the program asked for by itself.
create index runs_asked on runs (tenant_id, metric_id, kind, run_id) where requested_by is not null;
