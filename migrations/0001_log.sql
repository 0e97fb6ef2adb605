-- The event log: who may do what is decided here, by the database, and not by the program.
--
-- The program connects as roles that own nothing. `dyocense_writer` can append only by calling the two functions
-- below, which run as the owner: it has no right on the tables, cannot read a body, leave a hole, or skip a check.
-- `dyocense_reader` and `dyocense_projector` see the tenant that their transaction has set, and nothing when it has
-- set none. Nobody, the owner included, changes or removes an event.

create schema log;
revoke all on schema log from public;
grant usage on schema log to dyocense_writer, dyocense_reader, dyocense_projector;

-- The tenant of the running transaction; null (and so no row at all) when none is set. After a connection is reset
-- the setting is '' rather than null, hence nullif.
create function log.current_tenant() returns uuid
    language sql stable parallel safe
    return nullif(current_setting('app.tenant', true), '')::uuid;

-- Events --------------------------------------------------------------------------------------------------------

create table log.events (
    tenant_id   uuid        not null,
    position    bigint      not null check (position > 0),
    version     bigint      not null check (version > 0),
    recorded_at timestamptz not null,
    stream_id   text        collate "C" not null check (octet_length(stream_id) between 1 and 200),
    event_type  text        collate "C" not null,
    actor       text        collate "C" not null,
    body        text        collate "C" not null,
    leaf_hash   bytea       not null check (octet_length(leaf_hash) = 32),
    primary key (tenant_id, position),
    unique (tenant_id, stream_id, version)
) partition by hash (tenant_id);

comment on table log.events is
    'Every event of every tenant, as written. Numbered per tenant without a gap, in commit order; never changed.';
comment on column log.events.position is 'Place in the tenant''s history: 1, 2, 3 … The index of its Merkle leaf is position - 1.';
comment on column log.events.version is 'Place in its stream: 1, 2, 3 …';
comment on column log.events.body is 'The canonical (RFC 8785) JSON of the event, byte for byte as it was hashed.';
comment on column log.events.leaf_hash is 'SHA-256 of a zero byte and the body: the leaf hash of RFC 9162, section 2.1.1.';

-- Numbers without gaps: the row is locked first and updated last in every append. Room is left in the pages so that
-- the update stays in its page (HOT); for the same reason there is no second index.
create table log.tenant_head (
    tenant_id uuid   primary key,
    position  bigint not null check (position >= 0)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.05);

comment on table log.tenant_head is 'The last position of each tenant: the high-water mark of its history.';

create table log.receipts (
    tenant_id      uuid        not null,
    key            text        collate "C" not null check (octet_length(key) between 1 and 200),
    request_hash   bytea       not null check (octet_length(request_hash) = 32),
    first_position bigint      not null,
    last_position  bigint      not null,
    recorded_at    timestamptz not null,
    primary key (tenant_id, key)
);

comment on table log.receipts is 'What an idempotency key has already led to, written in the transaction of its events.';

create table log.subject_keys (
    tenant_id   uuid        not null,
    subject     text        collate "C" not null check (octet_length(subject) between 1 and 200),
    master_key  text        not null,
    wrapped_key bytea,
    created_at  timestamptz not null default now(),
    erased_at   timestamptz,
    primary key (tenant_id, subject),
    check ((wrapped_key is null) = (erased_at is not null))
);

comment on table log.subject_keys is
    'The key that seals one person''s data in one tenant''s events, wrapped by a master key. Erasing sets it to null.';

-- Append-only, isolation ----------------------------------------------------------------------------------------

create function log.refuse_change() returns trigger
    language plpgsql as $$
begin
    raise exception 'the event log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;

create trigger append_only before update or delete on log.events
    for each row execute function log.refuse_change();
create trigger append_only_truncate before truncate on log.events
    for each statement execute function log.refuse_change();

-- Partitions are rooms of their own: policies and TRUNCATE triggers of the parent do not reach a statement that names
-- a partition, so each one is closed (row security without a policy lets nobody see anything) and guarded.
do $$
declare
    part text;
begin
    for i in 0..15 loop
        part := format('events_%s', to_char(i, 'FM00'));
        execute format('create table log.%I partition of log.events for values with (modulus 16, remainder %s)', part, i);
        execute format('create trigger append_only_truncate before truncate on log.%I for each statement execute function log.refuse_change()', part);
        execute format('alter table log.%I enable row level security, force row level security', part);
    end loop;
end
$$;

alter table log.events       enable row level security, force row level security;
alter table log.tenant_head  enable row level security, force row level security;
alter table log.receipts     enable row level security, force row level security;
alter table log.subject_keys enable row level security, force row level security;

-- The owner acts here only through the append functions.
create policy appends      on log.events      for insert to dyocense_owner with check (true);
create policy versions     on log.events      for select to dyocense_owner using (true);
create policy heads        on log.tenant_head for all    to dyocense_owner using (true) with check (true);
create policy receipts     on log.receipts    for all    to dyocense_owner using (true) with check (true);

create policy own_tenant on log.events for select to dyocense_reader, dyocense_projector
    using (tenant_id = (select log.current_tenant()));
create policy own_tenant on log.tenant_head for select to dyocense_reader
    using (tenant_id = (select log.current_tenant()));
create policy every_head on log.tenant_head for select to dyocense_projector
    using (true);
create policy own_tenant on log.receipts for select to dyocense_reader
    using (tenant_id = (select log.current_tenant()));
create policy own_tenant on log.subject_keys for select to dyocense_reader, dyocense_projector
    using (tenant_id = (select log.current_tenant()));
create policy own_tenant_keeps on log.subject_keys for all to dyocense_writer
    using (tenant_id = (select log.current_tenant())) with check (tenant_id = (select log.current_tenant()));

grant select on log.events, log.tenant_head, log.subject_keys to dyocense_reader, dyocense_projector;
grant select on log.receipts to dyocense_reader;
grant select, insert, update (wrapped_key, erased_at, master_key) on log.subject_keys to dyocense_writer;

-- Appending -----------------------------------------------------------------------------------------------------

-- Outcomes of a command, as both functions answer them.
--   0  appended      1  version conflict      2  replayed: the key was used before, for this same request
--   3  the key was used before, for another request

-- Both functions are hopeful: what the unique keys will check anyway (that a stream is new, that a key is unused) they do
-- not look up first. A hope that fails ends in unique_violation and nothing written; the caller then asks the batch
-- function again with p_careful, which looks before it writes and answers for each command.

-- One command on one stream, for the case that nothing else is waiting: a batch of one at less than half its cost.
create function log.append_one(
    p_tenant uuid, p_stream text, p_expected bigint, p_recorded_at timestamptz, p_actor text,
    p_key text, p_request_hash bytea, p_types text[], p_bodies text[], p_leaves bytea[],
    out outcome smallint, out first_position bigint, out last_position bigint, out version_before bigint
)
    language plpgsql security definer set search_path = pg_catalog, log
as $$
declare
    n constant int := cardinality(p_bodies);
    receipt record;
    inserted int;
begin
    -- The head is the first lock of every append: whoever holds it sees all that was appended before it, because
    -- each later statement takes a snapshot of its own.
    update log.tenant_head h set position = h.position + n where h.tenant_id = p_tenant
        returning h.position into last_position;
    if not found then
        insert into log.tenant_head values (p_tenant, 0) on conflict do nothing;
        update log.tenant_head h set position = h.position + n where h.tenant_id = p_tenant
            returning h.position into strict last_position;
    end if;
    first_position := last_position - n + 1;

    if p_expected = 0 then
        version_before := 0;
    else
        select e.version into version_before from log.events e
            where e.tenant_id = p_tenant and e.stream_id = p_stream order by e.version desc limit 1;
        version_before := coalesce(version_before, 0);
        if p_expected > 0 and p_expected <> version_before then
            update log.tenant_head h set position = h.position - n where h.tenant_id = p_tenant;
            outcome := 1;
            -- A repeated command finds the version that it wrote itself.
            if p_key is not null then
                select case when r.request_hash = p_request_hash then 2 else 3 end as outcome, r.first_position, r.last_position
                    into receipt from log.receipts r where r.tenant_id = p_tenant and r.key = p_key;
                if found then
                    outcome := receipt.outcome;
                    first_position := receipt.first_position;
                    last_position := receipt.last_position;
                end if;
            end if;
            return;
        end if;
    end if;

    if n = 1 then
        insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
            values (p_tenant, first_position, version_before + 1, p_recorded_at, p_stream, p_types[1], p_actor, p_bodies[1], p_leaves[1]);
    else
        insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
            select p_tenant, append_one.first_position + e.i - 1, append_one.version_before + e.i, p_recorded_at, p_stream, e.event_type, p_actor, e.body, e.leaf
            from unnest(p_types, p_bodies, p_leaves) with ordinality e (event_type, body, leaf, i);
    end if;
    get diagnostics inserted = row_count;
    if inserted <> n then
        raise exception 'appended % events of %', inserted, n;
    end if;

    if p_key is not null then
        insert into log.receipts (tenant_id, key, request_hash, first_position, last_position, recorded_at)
            values (p_tenant, p_key, p_request_hash, first_position, last_position, p_recorded_at);
    end if;
    outcome := 0;
end
$$;

-- Many commands of many tenants in one transaction; each has its own outcome, and a command that conflicts leaves
-- nothing behind. The lists are parallel:
--   p_tenants              the tenants of the batch, distinct and ascending (so that every process locks alike)
--   c_*  one per command   tenant (1-based index into p_tenants), time, actor, key or null, hash of the request or null
--   s_*  one per stream of a command: command (index), stream, expected version (-1 any), number of events
--   e_*  one per event:    slice (index into s_*), number within its slice from 1, type, body, leaf hash
-- Slices follow their commands in order, events their slices. Within one batch a (tenant, stream) and a (tenant, key)
-- occur once: the caller keeps a second one for its next batch.
create function log.append_batch(
    p_tenants uuid[],
    c_tenant int[], c_recorded_at timestamptz[], c_actor text[], c_key text[], c_request_hash bytea[],
    s_command int[], s_stream text[], s_expected bigint[], s_events int[],
    e_slice int[], e_number int[], e_type text[], e_body text[], e_leaf bytea[],
    p_careful boolean,
    out outcomes int[],          -- per command
    out first_positions bigint[],-- per command; of the first answer where replayed
    out last_positions bigint[], -- per command
    out versions_before bigint[] -- per slice
)
    language plpgsql security definer set search_path = pg_catalog, log
as $$
declare
    heads bigint[];
    slice_offset bigint[];       -- events of the same tenant that go before the slice; null where its command is refused
    appended int;
    expected_count int;
begin
    -- Locked one after the other in ascending order, before anything else: no deadlock between processes, and every
    -- later statement sees all that was appended before.
    select array_agg(h.position order by h.tenant_id) into heads
        from (select position, tenant_id from log.tenant_head where tenant_id = any (p_tenants) order by tenant_id for update) h;
    if coalesce(cardinality(heads), 0) <> cardinality(p_tenants) then
        insert into log.tenant_head select t, 0 from unnest(p_tenants) t order by t on conflict do nothing;
        select array_agg(h.position order by h.tenant_id) into heads
            from (select position, tenant_id from log.tenant_head where tenant_id = any (p_tenants) order by tenant_id for update) h;
    end if;

    select array_agg(coalesce(v.version, 0) order by s.i) into versions_before
        from unnest(s_command, s_stream, s_expected) with ordinality s (command, stream, expected, i)
        left join lateral (
            select e.version from log.events e
            where e.tenant_id = p_tenants[c_tenant[s.command]] and e.stream_id = s.stream and (s.expected <> 0 or p_careful)
            order by e.version desc limit 1
        ) v on true;

    outcomes := array_fill(0, array[cardinality(c_tenant)]);
    first_positions := array_fill(0::bigint, array[cardinality(c_tenant)]);
    last_positions := first_positions;

    -- Refusals. A key that was used answers before a version is compared: a repeated command finds its own events.
    declare
        slice record;
        receipt record;
    begin
        for slice in
            select s.command from unnest(s_command, s_expected, versions_before) s (command, expected, actual)
            where s.expected >= 0 and s.expected <> s.actual
        loop
            outcomes[slice.command] := 1;
        end loop;
        if p_careful or 1 = any (outcomes) then
            for receipt in
                select c.i::int as command, r.request_hash = c.request_hash as same, r.first_position, r.last_position
                from unnest(c_tenant, c_key, c_request_hash) with ordinality c (tenant, key, request_hash, i)
                join log.receipts r on r.tenant_id = p_tenants[c.tenant] and r.key = c.key
                where c.key is not null
            loop
                outcomes[receipt.command] := case when receipt.same then 2 else 3 end;
                first_positions[receipt.command] := receipt.first_position;
                last_positions[receipt.command] := receipt.last_position;
            end loop;
        end if;
    end;

    select array_agg(case when s.outcome = 0 then s.running - s.events end order by s.i), coalesce(sum(s.events) filter (where s.outcome = 0), 0)
        into slice_offset, expected_count
        from (
            select x.i, x.events, outcomes[x.command] as outcome,
                   sum(x.events) filter (where outcomes[x.command] = 0) over (partition by c_tenant[x.command] order by x.i) as running
            from unnest(s_command, s_events) with ordinality x (command, events, i)
        ) s;

    insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
        select p_tenants[c_tenant[s_command[e.slice]]],
               heads[c_tenant[s_command[e.slice]]] + slice_offset[e.slice] + e.number,
               versions_before[e.slice] + e.number,
               c_recorded_at[s_command[e.slice]],
               s_stream[e.slice], e.event_type, c_actor[s_command[e.slice]], e.body, e.leaf
        from unnest(e_slice, e_number, e_type, e_body, e_leaf) e (slice, number, event_type, body, leaf)
        where slice_offset[e.slice] is not null;
    get diagnostics appended = row_count;
    if appended <> expected_count then
        raise exception 'appended % events of %', appended, expected_count;
    end if;

    -- The positions each command got: from the first event of its first slice to the last of its last.
    declare
        command record;
    begin
        for command in
            select s.command, min(heads[c_tenant[s.command]] + slice_offset[s.i] + 1) as first, max(heads[c_tenant[s.command]] + slice_offset[s.i] + s.events) as last
            from unnest(s_command, s_events) with ordinality s (command, events, i)
            where slice_offset[s.i] is not null
            group by s.command
        loop
            first_positions[command.command] := command.first;
            last_positions[command.command] := command.last;
        end loop;
    end;

    insert into log.receipts (tenant_id, key, request_hash, first_position, last_position, recorded_at)
        select p_tenants[c.tenant], c.key, c.request_hash, first_positions[c.i], last_positions[c.i], c.recorded_at
        from unnest(c_tenant, c_key, c_request_hash, c_recorded_at) with ordinality c (tenant, key, request_hash, recorded_at, i)
        where c.key is not null and outcomes[c.i] = 0;

    update log.tenant_head h set position = n.position
        from (
            select p_tenants[t.tenant] as tenant_id, max(t.last) as position
            from unnest(c_tenant, last_positions, outcomes) t (tenant, last, outcome)
            where t.outcome = 0
            group by t.tenant
        ) n
        where h.tenant_id = n.tenant_id;
end
$$;

-- The heads of the tenants named, for the poll that stands behind the wake-ups of live readers. It tells a number per
-- tenant whose id the caller already holds, and nothing of any event.
create function log.heads(p_tenants uuid[]) returns table (tenant_id uuid, head bigint)
    language sql stable security definer set search_path = pg_catalog, log
as $$
    select h.tenant_id, h.position from log.tenant_head h where h.tenant_id = any (p_tenants)
$$;

revoke all on all functions in schema log from public;
grant execute on function log.current_tenant() to dyocense_writer, dyocense_reader, dyocense_projector;
grant execute on function log.append_one, log.append_batch to dyocense_writer;
grant execute on function log.heads to dyocense_reader, dyocense_projector;
