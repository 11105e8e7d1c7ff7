-- How good each rule version is, by the day (UTC) on which its alerts were detected: alerts, labels, precision.
CREATE OR REPLACE VIEW fraud_rule_quality_by_day
(
    game_id String,
    rule_id String,
    rule_version UInt32,
    shadow Bool,
    day Date,
    alerts UInt64,
    hits UInt64,
    labelled UInt64,
    fraud UInt64,
    honest UInt64,
    `precision` Nullable(Float64)
) AS
SELECT
    alert.game_id AS game_id,
    alert.rule_id AS rule_id,
    alert.rule_version AS rule_version,
    alert.shadow AS shadow,
    toDate(alert.detected_at) AS day,
    count() AS alerts,
    sum(alert.purchases) AS hits,
    countIf(said.labelled > 0) AS labelled,
    countIf(said.fraud) AS fraud,
    countIf(said.labelled > 0 AND NOT said.fraud) AS honest,
    if(countIf(said.labelled > 0) = 0, NULL, countIf(said.fraud) / countIf(said.labelled > 0)) AS `precision`
FROM (
    SELECT alert_id, game_id, rule_id, rule_version, shadow, purchases, detected_at FROM fraud_alerts
) AS alert
LEFT JOIN fraud_alert_labels AS said ON said.alert_id = alert.alert_id
GROUP BY game_id, rule_id, rule_version, shadow, day;
