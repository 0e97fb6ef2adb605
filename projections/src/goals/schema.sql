create table goals (
    tenant_id uuid not null,
    goal_id uuid not null,
    title text not null,
    owner_id uuid not null,
    metric_id uuid,
    objective text not null,
    cadence text not null,
    start date not null,
    due date not null,
    plan jsonb not null,
    feasibility jsonb not null,
    acknowledgement jsonb,
    lifecycle text not null,
    status text not null,
    pace jsonb,
    pauses jsonb not null,
    outcome text,
    insight jsonb,
    abandoned_because text,
    abandoned_by uuid,
    created_by uuid not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    position bigint not null,
    primary key (tenant_id, goal_id)
);
-- Whose points have arrived asks for the goals that they move.
create index goals_by_metric on goals (tenant_id, metric_id) where lifecycle in ('active', 'evaluated');

create table milestones (
    tenant_id uuid not null,
    goal_id uuid not null,
    milestone_id uuid not null,
    title text not null,
    value numeric not null,
    due date,
    reached_on date,
    missed boolean not null,
    primary key (tenant_id, goal_id, milestone_id)
);

create table goal_progress (
    tenant_id uuid not null,
    goal_id uuid not null,
    position bigint not null,
    at timestamptz not null,
    recorded_day date,
    recorded_value numeric,
    recorded_by uuid,
    note text,
    pace jsonb not null,
    primary key (tenant_id, goal_id, position)
);

create table goal_revisions (
    tenant_id uuid not null,
    goal_id uuid not null,
    position bigint not null,
    at timestamptz not null,
    revised_by uuid not null,
    changed jsonb not null,
    reason text,
    plan_before jsonb not null,
    primary key (tenant_id, goal_id, position)
);
