-- The run that a report was made in, for its page; null for reports of live traffic and of commands outside a run.
alter table reports add column run_id text;
create index reports_by_run on reports (run_id, seq);
