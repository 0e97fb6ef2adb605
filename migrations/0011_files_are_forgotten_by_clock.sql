-- Files and rejected rows are deleted when the timer that is set with them comes due. Those that are there already get
-- theirs. The tables hide every tenant's rows from their owner too, but for this statement.
alter table vault.uploads no force row level security;
alter table vault.rejected_rows no force row level security;

insert into vault.timers (tenant_id, kind, subject_id, due_at)
select tenant_id, 'forget_upload', upload_id,
       created_at + case when sha256 is null then interval '1 day' else interval '30 days' end
from vault.uploads
on conflict do nothing;

insert into vault.timers (tenant_id, kind, subject_id, due_at)
select distinct tenant_id, 'forget_rejected', import_id, now() + interval '30 days'
from vault.rejected_rows
on conflict do nothing;

alter table vault.uploads force row level security;
alter table vault.rejected_rows force row level security;
