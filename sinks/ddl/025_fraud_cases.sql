-- Alerts as the fraud team works on them: open or closed, whose, what was found out, silenced until when.
-- A closed case is open again when a purchase has joined its alert since it was closed.
CREATE OR REPLACE VIEW fraud_cases
(
    alert_id String,
    game_id String,
    player_id String,
    rule_id String,
    rule_version UInt32,
    shadow Bool,
    score Float64,
    decision String,
    purchases UInt32,
    first_event_time DateTime64(3, 'UTC'),
    detected_at DateTime64(3, 'UTC'),
    state String,
    assigned_to String,
    label String,
    labelled_by String,
    closed_by String,
    snoozed_until Nullable(DateTime64(3, 'UTC'))
) AS
SELECT
    alert.alert_id AS alert_id,
    alert.game_id AS game_id,
    alert.player_id AS player_id,
    alert.rule_id AS rule_id,
    alert.rule_version AS rule_version,
    alert.shadow AS shadow,
    alert.score AS score,
    alert.decision AS decision,
    alert.purchases AS purchases,
    alert.first_event_time AS first_event_time,
    alert.detected_at AS detected_at,
    if(known.state = 'closed' AND alert.purchases <= known.purchases, 'closed', 'open') AS state,
    known.assigned_to AS assigned_to,
    multiIf(said.labelled = 0, '', said.fraud, 'fraud', 'honest') AS label,
    said.labelled_by AS labelled_by,
    if(known.state = 'closed', known.changed_by, '') AS closed_by,
    if(quiet.until > now64(3), quiet.until, NULL) AS snoozed_until
FROM (SELECT * EXCEPT (reasons, evidence) FROM fraud_alerts) AS alert
LEFT JOIN fraud_case_states AS known ON known.alert_id = alert.alert_id
LEFT JOIN fraud_alert_labels AS said ON said.alert_id = alert.alert_id
LEFT JOIN fraud_snoozes AS quiet ON quiet.player_id = alert.player_id AND quiet.rule_id = alert.rule_id;
