-- The first event of a stream is appended in one statement instead of two: nothing has to be looked up between the head
-- and the row, and whether the stream is new the unique key says.

create or replace function log.append_one(
    p_tenant uuid, p_stream text, p_expected bigint, p_recorded_at timestamptz, p_actor text,
    p_key text, p_request_hash bytea, p_type text, p_body text, p_leaf bytea
) returns bigint[]
    language plpgsql security definer
as $$
declare
    at_position bigint;
    version_before bigint := 0;
    receipt record;
begin
    if pg_catalog.octet_length(p_leaf) <> 32 or pg_catalog.octet_length(p_stream) not between 1 and 200 then
        raise exception 'a leaf of % bytes, a stream name of %', pg_catalog.octet_length(p_leaf), pg_catalog.octet_length(p_stream)
            using errcode = 'check_violation';
    end if;

    if p_expected = 0 then
        with moved as (
            update log.tenant_head h set position = h.position + 1 where h.tenant_id = p_tenant returning h.position
        )
        insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
            select p_tenant, m.position, 1, p_recorded_at, p_stream, p_type, p_actor, p_body, p_leaf from moved m
            returning position into at_position;
    end if;
    if at_position is null then
        -- The head is the first lock of every append: whoever holds it sees all that was appended before it, because
        -- each later statement takes a snapshot of its own.
        update log.tenant_head h set position = h.position + 1 where h.tenant_id = p_tenant
            returning h.position into at_position;
        if at_position is null then
            insert into log.tenant_head values (p_tenant, 0) on conflict do nothing;
            update log.tenant_head h set position = h.position + 1 where h.tenant_id = p_tenant
                returning h.position into strict at_position;
        end if;

        if p_expected <> 0 then
            version_before := (select e.version from log.events e
                where e.tenant_id = p_tenant and e.stream_id = p_stream order by e.version desc limit 1);
            if version_before is null then
                version_before := 0;
            end if;
            if p_expected > 0 and p_expected <> version_before then
                update log.tenant_head h set position = h.position - 1 where h.tenant_id = p_tenant;
                -- A repeated command finds the version that it wrote itself.
                if p_key is not null then
                    select r.request_hash = p_request_hash as same, r.first_position, r.last_position
                        into receipt from log.receipts r where r.tenant_id = p_tenant and r.key = p_key;
                    if found then
                        return array[case when receipt.same then 2 else 3 end, receipt.first_position, receipt.last_position, version_before];
                    end if;
                end if;
                return array[1, 0, 0, version_before];
            end if;
        end if;

        insert into log.events (tenant_id, position, version, recorded_at, stream_id, event_type, actor, body, leaf_hash)
            values (p_tenant, at_position, version_before + 1, p_recorded_at, p_stream, p_type, p_actor, p_body, p_leaf);
    end if;
    if p_key is not null then
        insert into log.receipts (tenant_id, key, request_hash, first_position, last_position, recorded_at)
            values (p_tenant, p_key, p_request_hash, at_position, at_position, p_recorded_at);
    end if;
    return array[0, at_position, at_position, version_before];
end
$$;
