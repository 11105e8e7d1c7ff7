-- subject: the topic or the table that a value of pipeline_metrics is about; '' for the whole process.
ALTER TABLE pipeline_metrics ADD COLUMN IF NOT EXISTS subject LowCardinality(String) AFTER metric;
