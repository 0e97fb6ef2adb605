create table notifications (
    tenant_id uuid not null,
    -- Of the event that it tells of.
    position bigint not null,
    kind text not null,
    at timestamptz not null,
    -- Of the goal or of the metric that it is about.
    goal_id uuid,
    title text not null,
    message text not null,
    metric_id uuid,
    primary key (tenant_id, position)
);
create index notifications_by_goal on notifications (tenant_id, goal_id, position) where goal_id is not null;
create index notifications_by_metric on notifications (tenant_id, metric_id, position) where metric_id is not null;

-- What goals are called, so that a notification keeps the title it was given under.
create table notified_goals (
    tenant_id uuid not null,
    goal_id uuid not null,
    title text not null,
    unit text not null,
    primary key (tenant_id, goal_id)
);
