SET 'execution.checkpointing.interval' = '2 s';
SET 'execution.checkpointing.storage' = 'filesystem';
SET 'execution.checkpointing.dir' = 'file://$folder/checkpoints';
SET 'state.backend.type' = 'hashmap';
