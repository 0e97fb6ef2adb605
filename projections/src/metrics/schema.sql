create table metrics (
    tenant_id uuid not null,
    metric_id uuid not null,
    key text collate "C" not null,
    name text not null,
    unit text not null,
    kind text not null,
    currency text,
    time_zone text not null,
    good_direction text not null,
    source text not null,
    description text not null,
    defined_at timestamptz not null,
    archived_at timestamptz,
    primary key (tenant_id, metric_id)
);
create unique index metrics_key on metrics (tenant_id, key);

-- The points of recorded metrics, in leaves of at most 256 (see leaf.rs). A leaf holds the points from `lower_bound`
-- (microseconds since 1970; the first leaf's is the smallest bigint) up to the next leaf's.
create table metric_points (
    tenant_id uuid not null,
    metric_id uuid not null,
    lower_bound bigint not null,
    count int not null,
    points bytea not null,
    primary key (tenant_id, metric_id, lower_bound)
) with (fillfactor = 80);
