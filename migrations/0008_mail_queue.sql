-- Mail to send, across tenants: what it is about and when it is due. Ids and times only; addresses and texts are made
-- when it is sent.
create table vault.mail_queue (
    tenant_id uuid not null,
    kind text not null,
    subject_id uuid not null,
    due_at timestamptz not null,
    attempts int not null default 0,
    primary key (tenant_id, kind, subject_id)
);
create index mail_queue_by_due on vault.mail_queue (due_at);
grant select, insert, update, delete on vault.mail_queue to dyocense_vault;
