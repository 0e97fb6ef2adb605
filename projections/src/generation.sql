-- What every generation has beside the tables of its projectors.

-- One row: what this schema was built by, and whether it is the one that is read. A reader whose snapshot is older
-- than the swap sees `live` false and begins again: it would otherwise look at rows from before the swap.
create table generation (
    signature text not null,
    live boolean not null,
    created_at timestamptz not null default now()
);

-- How far each tenant's history has been projected. The row is the lock under which a tenant is projected.
create table checkpoints (
    tenant_id uuid primary key,
    position bigint not null check (position >= 0)
) with (fillfactor = 50);

-- Streams that a projection could not go on with, from `position` on. The events are in the log.
create table parked (
    tenant_id uuid not null,
    projection text not null,
    stream_id text collate "C" not null,
    position bigint not null,
    version bigint not null,
    event_type text not null,
    reason text not null,
    parked_at timestamptz not null default now(),
    primary key (tenant_id, projection, stream_id)
);

-- What an operator decided to leave out: one event, or a stream from a position on. Carried over by a rebuild.
create table waived (
    tenant_id uuid not null,
    projection text not null,
    stream_id text collate "C" not null,
    position bigint not null,
    rest_of_stream boolean not null,
    reason text not null,
    waived_at timestamptz not null default now(),
    primary key (tenant_id, projection, stream_id, position)
);
