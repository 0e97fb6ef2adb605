-- The group roles of Dyocense. Nobody logs in as one of them: the program's login becomes one by SET ROLE, and can
-- then do no more than that role may. Runs before every migration and changes nothing when all is in place, so that
-- a login without CREATEROLE can run it once an administrator has made the roles.
--
-- Roles belong to the whole server: two databases of one server may get here at the same moment, hence the handlers.
do $$
declare
    wanted text;
    -- Postgres 16 splits membership: SET ROLE needs the SET option, which a creator does not have by itself.
    may_become text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
    -- Processes that start at once on the same database take turns: two grants on one object would break each other.
    perform pg_advisory_xact_lock(hashtext('dyocense roles'));
    foreach wanted in array array[
        'dyocense_owner',      -- owns the schemas and runs the migrations
        'dyocense_writer',     -- appends to the log
        'dyocense_reader',     -- reads under row-level security
        'dyocense_projector',  -- reads the log, owns and writes the generations of read models
        'dyocense_vault'       -- state that cannot be derived from the log: secrets, uploads, policy checkpoints
    ]
    loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin noinherit', wanted);
            exception when duplicate_object or unique_violation then
                null; -- made by another database's migration in this very moment
            end;
        end if;
        if not pg_has_role(current_user, wanted, may_become) then
            begin
                execute format('grant %I to current_user', wanted);
            exception when unique_violation then
                null;
            end;
        end if;
    end loop;

    -- The owner makes log and vault; the projector makes a schema for each generation.
    foreach wanted in array array['dyocense_owner', 'dyocense_projector']
    loop
        if not has_database_privilege(wanted, current_database(), 'CREATE') then
            execute format('grant create on database %I to %I', current_database(), wanted);
        end if;
    end loop;
end
$$;
