-- Runs that the program asks for by itself wait behind those that people ask for.
alter table vault.run_queue add column background boolean not null default false;
