-- State that does not follow from the log: secrets (only as hashes or sealed), lookups that must be found before
-- the tenant is known, files as uploaded, and the checkpoints of policies. Reached by dyocense_vault alone.

create schema vault;
grant usage on schema vault to dyocense_vault;

-- Which business an e-mail address belongs to. The address itself is not here: only its keyed hash.
create table vault.logins (
    email_hash bytea not null check (length(email_hash) = 32),
    tenant_id uuid not null,
    user_id uuid not null,
    primary key (email_hash, tenant_id)
);
create index logins_by_user on vault.logins (tenant_id, user_id);
grant select, insert, delete on vault.logins to dyocense_vault;

-- Argon2id hashes. Which one is in force is a fact of the log (credential_id).
create table vault.credentials (
    tenant_id uuid not null,
    credential_id uuid not null,
    user_id uuid not null,
    phc text not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, credential_id)
);
grant select, insert, delete on vault.credentials to dyocense_vault;

-- A session's refresh tokens, one live at a time. `answer` is the sealed successor, kept for a short grace so that
-- a client whose answer was lost may ask again.
create table vault.refresh_tokens (
    tenant_id uuid not null,
    token_hash bytea not null check (length(token_hash) = 32),
    session_id uuid not null,
    user_id uuid not null,
    expires_at timestamptz not null,
    exchanged_at timestamptz,
    answer bytea,
    primary key (tenant_id, token_hash)
);
create index refresh_tokens_by_session on vault.refresh_tokens (tenant_id, session_id);
grant select, insert, update, delete on vault.refresh_tokens to dyocense_vault;

create table vault.api_keys (
    tenant_id uuid not null,
    key_hash bytea not null check (length(key_hash) = 32),
    api_key_id uuid not null,
    primary key (tenant_id, key_hash)
);
grant select, insert, delete on vault.api_keys to dyocense_vault;

create table vault.invitation_tokens (
    tenant_id uuid not null,
    token_hash bytea not null check (length(token_hash) = 32),
    invitation_id uuid not null,
    primary key (tenant_id, token_hash)
);
grant select, insert, delete on vault.invitation_tokens to dyocense_vault;

-- Wrong passwords per e-mail hash and window, so that guessing slows down on every node.
create table vault.login_failures (
    email_hash bytea primary key,
    failures int not null,
    window_started_at timestamptz not null
);
grant select, insert, update, delete on vault.login_failures to dyocense_vault;

-- Keys that sign access tokens; the private half is sealed under the master key.
create table vault.signing_keys (
    kid text primary key,
    public_key bytea not null,
    sealed_private_key bytea not null,
    created_at timestamptz not null
);
grant select, insert, delete on vault.signing_keys to dyocense_vault;

create table vault.uploads (
    tenant_id uuid not null,
    upload_id uuid not null,
    file_name text not null,
    uploaded_by uuid not null,
    bytes bigint not null default 0,
    sha256 bytea,
    created_at timestamptz not null default now(),
    primary key (tenant_id, upload_id)
);
create table vault.upload_chunks (
    tenant_id uuid not null,
    upload_id uuid not null,
    chunk int not null,
    bytes bytea not null,
    primary key (tenant_id, upload_id, chunk),
    foreign key (tenant_id, upload_id) references vault.uploads on delete cascade
);
-- Compressing what is often compressed or read once costs more than it saves.
alter table vault.upload_chunks alter column bytes set storage external;
grant select, insert, update, delete on vault.uploads, vault.upload_chunks to dyocense_vault;

-- Rows of a file that could not be read, as they were, with the reason: to download, correct and import again.
create table vault.rejected_rows (
    tenant_id uuid not null,
    import_id uuid not null,
    line bigint not null,
    reason text not null,
    raw text not null,
    primary key (tenant_id, import_id, line)
);
grant select, insert, delete on vault.rejected_rows to dyocense_vault;

-- Imports to work on, across tenants. Whoever works on one holds a session-level advisory lock, which dies with it.
create table vault.import_queue (
    tenant_id uuid not null,
    import_id uuid not null,
    queued_at timestamptz not null default now(),
    primary key (tenant_id, import_id)
);
create table vault.policy_checkpoints (
    policy text not null,
    tenant_id uuid not null,
    position bigint not null default 0,
    primary key (policy, tenant_id)
);
-- What is due when, across tenants: ids and times only.
create table vault.timers (
    tenant_id uuid not null,
    kind text not null,
    subject_id uuid not null,
    due_at timestamptz not null,
    primary key (tenant_id, kind, subject_id)
);
create index timers_by_due on vault.timers (due_at);
grant select, insert, update, delete on vault.import_queue, vault.policy_checkpoints, vault.timers to dyocense_vault;

-- Tables of one tenant are seen by the transaction of that tenant only. The rest hold no tenant's data: hashes of
-- addresses, ids, times and positions.
do $$
declare name text;
begin
    foreach name in array array['credentials', 'refresh_tokens', 'api_keys', 'invitation_tokens', 'uploads',
                                'upload_chunks', 'rejected_rows'] loop
        execute format('alter table vault.%I enable row level security', name);
        execute format('alter table vault.%I force row level security', name);
        execute format(
            'create policy tenant on vault.%I using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)',
            name);
    end loop;
end $$;

-- Policies find their work by comparing heads with checkpoints: ids and positions, no tenant's data.
grant usage on schema log to dyocense_vault;
grant select on log.tenant_head to dyocense_vault;
create policy every_head_for_policies on log.tenant_head for select to dyocense_vault using (true);
