create table constraints (
    tenant_id uuid not null,
    constraint_id uuid not null,
    family text not null,
    -- Null once its author was erased.
    says text,
    means jsonb not null,
    saved_by uuid not null,
    saved_at timestamptz not null,
    position bigint not null,
    primary key (tenant_id, constraint_id)
);
