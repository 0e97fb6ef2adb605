-- Runs that the program asks for by itself wait behind those that people ask for.
alter table vault.run_queue add column background boolean not null default false;
drop index vault.run_queue_by_time;
create index run_queue_of_people on vault.run_queue (tenant_id, queued_at) where not background;
create index run_queue_of_program on vault.run_queue (queued_at) where background;
