create table businesses (
    tenant_id uuid not null,
    -- Always true: a tenant is one business.
    the_one bool not null default true,
    name text not null,
    time_zone text not null,
    currency text not null,
    registered_at timestamptz not null,
    primary key (tenant_id, the_one)
);

create table users (
    tenant_id uuid not null,
    user_id uuid not null,
    email text,
    name text,
    role text not null,
    joined_at timestamptz not null,
    removed_at timestamptz,
    primary key (tenant_id, user_id)
);

create table invitations (
    tenant_id uuid not null,
    invitation_id uuid not null,
    user_id uuid not null,
    email text,
    role text not null,
    invited_by uuid not null,
    invited_at timestamptz not null,
    expires_at timestamptz not null,
    status text not null,
    settled_at timestamptz,
    mailed_at timestamptz,
    mail_problem text,
    primary key (tenant_id, invitation_id)
);

create table api_keys (
    tenant_id uuid not null,
    api_key_id uuid not null,
    name text not null,
    role text not null,
    prefix text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    revoked_by uuid,
    primary key (tenant_id, api_key_id)
);

create table sessions (
    tenant_id uuid not null,
    session_id uuid not null,
    user_id uuid not null,
    client text,
    started_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    end_reason text,
    primary key (tenant_id, session_id)
);
create index sessions_open on sessions (tenant_id, user_id) where ended_at is null;
