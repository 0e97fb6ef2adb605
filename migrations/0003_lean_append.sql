-- Appending at the cost of its rows.
--
-- What the checks and the owner's own policies on the log's tables said, is said once by the functions that alone may
-- write there: per statement and partition they cost more than the insert itself. Row-level security stays enabled and
-- still binds every role that the program connects as; the owner of the tables, whom it never was, is not forced
-- under policies that allowed it everything.

alter table log.events
    drop constraint events_position_check,
    drop constraint events_version_check,
    drop constraint events_stream_id_check,
    drop constraint events_leaf_hash_check;

alter table log.events      no force row level security;
alter table log.tenant_head no force row level security;
alter table log.receipts    no force row level security;
drop policy appends  on log.events;
drop policy versions on log.events;
drop policy heads    on log.tenant_head;
drop policy receipts on log.receipts;

drop function log.append_one;

-- One event of one command on one stream, for the case that nothing else is waiting.
create function log.append_one(
    p_tenant uuid, p_stream text, p_expected bigint, p_recorded_at timestamptz, p_actor text,
    p_key text, p_request_hash bytea, p_type text, p_body text, p_leaf bytea,
    out outcome smallint, out first_position bigint, out last_position bigint, out version_before bigint
)
    language plpgsql security definer set search_path = pg_catalog, log
as $$
begin
    if octet_length(p_leaf) <> 32 or octet_length(p_stream) not between 1 and 200 then
        raise exception 'a leaf of % bytes, a stream name of %', octet_length(p_leaf), octet_length(p_stream)
            using errcode = 'check_violation';
    end if;

    -- The head is the first lock of every append: whoever holds it sees all that was appended before it, because
    -- each later statement takes a snapshot of its own.
    update log.tenant_head h set position = h.position + 1 where h.tenant_id = p_tenant
        returning h.position into last_position;
    if not found then
        insert into log.tenant_head values (p_tenant, 0) on conflict do nothing;
        update log.tenant_head h set position = h.position + 1 where h.tenant_id = p_tenant
            returning h.position into strict last_position;
    end if;

    first_position := last_position;
    outcome := 0;
    version_before := 0;
    if p_expected <> 0 then
        select e.version into version_before from log.events e
            where e.tenant_id = p_tenant and e.stream_id = p_stream order by e.version desc limit 1;
        version_before := coalesce(version_before, 0);
        if p_expected > 0 and p_expected <> version_before then
            update log.tenant_head h set position = h.position - 1 where h.tenant_id = p_tenant;
            outcome := 1;
            -- A repeated command finds the version that it wrote itself.
            if p_key is not null then
                select case when r.request_hash = p_request_hash then 2 else 3 end, r.first_position, r.last_position
                    into outcome, first_position, last_position from log.receipts r where r.tenant_id = p_tenant and r.key = p_key;
                outcome := coalesce(outcome, 1);
                first_position := coalesce(first_position, 0);
                last_position := coalesce(last_position, 0);
            end if;
            return;
        end if;
    end if;

    insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
        values (p_tenant, last_position, version_before + 1, p_recorded_at, p_stream, p_type, p_actor, p_body, p_leaf);
    if p_key is not null then
        insert into log.receipts (tenant_id, key, request_hash, first_position, last_position, recorded_at)
            values (p_tenant, p_key, p_request_hash, last_position, last_position, p_recorded_at);
    end if;
end
$$;

-- Many commands of many tenants in one transaction, hoping that every stream is at the version its command expects and
-- every key unused. A hope that fails is a unique_violation and nothing written; the caller then asks append_batch,
-- which looks before it writes and answers for each command. The lists are parallel:
--   p_tenants, p_events    the tenants of the batch, distinct and ascending, and how many events each gets
--   e_*  one per event:    tenant (1-based index into p_tenants), number among its tenant's events of the batch from 1,
--                          version, time, stream, type, actor, body, leaf hash
--   x_*  one per stream that must exist: tenant, stream, the version it must have reached
--   k_*  one per key:      tenant (index), key, hash of the request, numbers of its first and last event, time
-- Answers with each tenant's position before the batch.
create function log.append_hopefully(
    p_tenants uuid[], p_events int[],
    e_tenant int[], e_number int[], e_version bigint[], e_recorded_at timestamptz[], e_stream text[], e_type text[],
    e_actor text[], e_body text[], e_leaf bytea[],
    x_tenant uuid[], x_stream text[], x_version bigint[],
    k_tenant int[], k_key text[], k_request_hash bytea[], k_first int[], k_last int[], k_recorded_at timestamptz[],
    out heads bigint[]
)
    language plpgsql security definer set search_path = pg_catalog, log
as $$
declare
    missing int;
    inserted int;
    misshapen int;
begin
    -- The heads are locked one after the other in ascending order, before anything else (a nested loop over the list,
    -- as the caller's session plans): no deadlock between processes, and every later statement sees all that was
    -- appended before.
    with moved as (
        update log.tenant_head h set position = h.position + p.events
            from unnest(p_tenants, p_events) p (tenant, events)
            where h.tenant_id = p.tenant
            returning h.tenant_id, h.position - p.events as before
    )
    select array_agg(m.before order by m.tenant_id) into heads from moved m;
    if coalesce(cardinality(heads), 0) <> cardinality(p_tenants) then
        raise exception 'a tenant is new' using errcode = 'unique_violation';
    end if;

    if cardinality(x_tenant) > 0 then
        select count(*) filter (where e.version is null) into missing
            from unnest(x_tenant, x_stream, x_version) x (tenant, stream, version)
            left join log.events e on e.tenant_id = x.tenant and e.stream_id = x.stream and e.version = x.version;
        if missing > 0 then
            raise exception '% streams are not at the version expected', missing using errcode = 'unique_violation';
        end if;
    end if;

    select count(*) into misshapen
        from unnest(e_stream, e_leaf) e (stream, leaf)
        where octet_length(e.leaf) <> 32 or octet_length(e.stream) not between 1 and 200;
    if misshapen > 0 then
        raise exception '% events with a leaf or a stream name of the wrong length', misshapen
            using errcode = 'check_violation';
    end if;

    insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
        select p_tenants[e.tenant], heads[e.tenant] + e.number, e.version, e.recorded_at, e.stream, e.event_type, e.actor, e.body, e.leaf
        from unnest(e_tenant, e_number, e_version, e_recorded_at, e_stream, e_type, e_actor, e_body, e_leaf)
            e (tenant, number, version, recorded_at, stream, event_type, actor, body, leaf);
    get diagnostics inserted = row_count;
    if inserted <> (select sum(n) from unnest(p_events) n) then
        raise exception 'appended % events of %', inserted, p_events;
    end if;

    if cardinality(k_key) > 0 then
        insert into log.receipts (tenant_id, key, request_hash, first_position, last_position, recorded_at)
            select p_tenants[k.tenant], k.key, k.request_hash, heads[k.tenant] + k.first, heads[k.tenant] + k.last, k.recorded_at
            from unnest(k_tenant, k_key, k_request_hash, k_first, k_last, k_recorded_at)
                k (tenant, key, request_hash, first, last, recorded_at);
    end if;
end
$$;

revoke all on function log.append_one, log.append_hopefully from public;
grant execute on function log.append_one, log.append_hopefully to dyocense_writer;
