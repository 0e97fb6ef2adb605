create table insights (
    tenant_id uuid not null,
    metric_id uuid not null,
    -- `anomaly:day:2026-03-03`: what was noticed, in which calendar, about which step.
    insight text collate "C" not null,
    kind text not null,
    bucket text not null,
    start date not null,
    at timestamptz not null,
    -- The event that told it last.
    position bigint not null,
    value float8 not null,
    expected float8 not null,
    lower float8,
    upper float8,
    level float8,
    explanation text not null,
    run_id uuid not null,
    forecast_id uuid,
    withdrawn_at timestamptz,
    primary key (tenant_id, metric_id, insight)
);
create index insights_by_position on insights (tenant_id, metric_id, position);
