create table occasions (
    tenant_id uuid not null,
    occasion_id uuid not null,
    kind text not null,
    name text not null,
    first date not null,
    last date not null,
    recorded_by uuid not null,
    recorded_at timestamptz not null,
    position bigint not null,
    primary key (tenant_id, occasion_id)
);

create table causal_models (
    tenant_id uuid not null,
    model_id uuid not null,
    definition jsonb not null,
    defined_at timestamptz not null,
    -- How often it was learnt; the number of its latest version.
    versions int8 not null,
    latest_run uuid,
    -- The last day that the latest version was learnt from, and how many days it saw.
    learnt_until date,
    learnt_days int8,
    -- The run that is learning it now.
    learning_run uuid,
    position bigint not null,
    primary key (tenant_id, model_id)
);

-- One row for each run that learns a model; `version` once it has.
create table causal_versions (
    tenant_id uuid not null,
    run_id uuid not null,
    model_id uuid not null,
    because text not null,
    version int8,
    days int8,
    learnt_at timestamptz,
    primary key (tenant_id, run_id)
);
create index causal_versions_by_model on causal_versions (tenant_id, model_id, version);

create table causal_edits (
    tenant_id uuid not null,
    model_id uuid not null,
    position bigint not null,
    from_key text not null,
    to_key text not null,
    edit text not null,
    -- Null once its author was erased.
    reason text,
    edited_by uuid not null,
    edited_at timestamptz not null,
    primary key (tenant_id, model_id, position)
);
