-- How good each rule version is: its alerts, how many were labelled, and how many of those are fraud (precision).
CREATE OR REPLACE VIEW fraud_rule_quality
(
    rule_id String,
    rule_version UInt32,
    shadow Bool,
    alerts UInt64,
    hits UInt64,
    labelled UInt64,
    fraud UInt64,
    honest UInt64,
    `precision` Nullable(Float64)
) AS
SELECT
    rule_id,
    rule_version,
    shadow,
    sum(of_day.alerts) AS alerts,
    sum(of_day.hits) AS hits,
    sum(of_day.labelled) AS labelled,
    sum(of_day.fraud) AS fraud,
    sum(of_day.honest) AS honest,
    if(sum(of_day.labelled) = 0, NULL, sum(of_day.fraud) / sum(of_day.labelled)) AS `precision`
FROM fraud_rule_quality_by_day AS of_day
GROUP BY rule_id, rule_version, shadow;
