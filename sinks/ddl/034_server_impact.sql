-- What incidents of game servers cost: who was on the server, who left, what they bought and what they did not buy.
-- `server_impact_since(since = '2026-01-01 00:00:00')` reads the incidents that were opened since a moment only.
-- docs/server-impact.md defines every column. What is small (hours, minutes, incidents) is worked out once, as
-- arrays; raw events are read by hour.
CREATE OR REPLACE VIEW server_impact_since
(
    incident_id String,
    game_id String,
    server_id String,
    servers Array(String),
    region String,
    kinds Array(String),
    severity String,
    onset DateTime64(3, 'UTC'),
    until DateTime64(3, 'UTC'),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    linked_by String,
    players UInt64,
    players_quit UInt64,
    players_silent UInt64,
    currency String,
    expected_revenue Decimal(38, 4),
    actual_revenue Decimal(38, 4),
    missing_revenue Decimal(38, 4),
    revenue_at_risk Decimal(38, 4)
) AS
WITH
    -- The hours from 30 minutes before an onset (at most 10 minutes before the incident opened) to 1 hour after.
    (
        SELECT groupUniqArrayArray(arrayMap(
            n -> toStartOfHour(opened_at - INTERVAL 40 MINUTE) + n * 3600,
            range(toUInt32(intDiv(dateDiff('minute', opened_at, last_alarm_at), 60) + 4))
        ))
        FROM server_incidents
        WHERE opened_at >= {since:DateTime64(3, 'UTC')}
    ) AS hours,
    -- The minutes in which players of a game told their server.
    (
        SELECT groupUniqArray((game_id, toStartOfMinute(timestamp)))
        FROM player_events_upserts
        WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours)) AND server_id IS NOT NULL
    ) AS told,
    -- How far time has come; no client's clock is ahead of Kafka's.
    (
        SELECT max(at)
        FROM (
            SELECT max(least(timestamp, kafka_time)) AS at
            FROM player_events_upserts WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours))
            UNION ALL
            SELECT max(least(purchase_timestamp, kafka_time)) AS at
            FROM purchase_events_upserts WHERE toStartOfHour(purchase_timestamp) IN (SELECT arrayJoin(hours))
            UNION ALL
            SELECT max(least(timestamp, kafka_time)) AS at
            FROM server_metrics_upserts WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours))
        )
    ) AS newest,
    -- Where players are looked for: each server of an incident, or its servers of a region, or those of nowhere.
    (
        SELECT groupArray(CAST(
            (incident_id, game_id, linked_by, place, servers, region, kinds, severity, onset, until, resolved_at),
            'Tuple(
                incident_id String, game_id String, linked_by String, place String, servers Array(String),
                region String, kinds Array(String), severity String, onset DateTime64(3, \'UTC\'),
                until DateTime64(3, \'UTC\'), resolved_at Nullable(DateTime64(3, \'UTC\'))
            )'
        ))
        FROM (
            SELECT
                hurt.incident_id AS incident_id,
                hurt.game_id AS game_id,
                multiIf(
                    arrayExists(
                        of -> hurt.game_id IN ('', of.1) AND of.2 <= hurt.onset
                            AND of.2 >= toStartOfMinute(hurt.onset) - INTERVAL 5 MINUTE,
                        told
                    ), 'server',
                    hurt.region != '', 'region',
                    'nothing'
                ) AS linked_by,
                multiIf(linked_by = 'server', hurt.server_id, linked_by = 'region', hurt.region, '') AS place,
                arraySort(groupArray(hurt.server_id)) AS servers,
                any(hurt.region) AS region,
                arraySort(groupUniqArrayArray(hurt.kinds)) AS kinds,
                min(hurt.severity) AS severity,
                min(hurt.onset) AS onset,
                if(countIf(hurt.resolved_at IS NULL) = 0, max(hurt.resolved_at), NULL) AS resolved_at,
                greatest(
                    onset, least(onset + INTERVAL 1 HOUR, ifNull(resolved_at, greatest(newest, max(hurt.alarmed_at))))
                ) AS until
            FROM (
                -- Each server by its own alarms; 'critical' comes before 'warning'.
                SELECT
                    incident.incident_id AS incident_id,
                    incident.game_id AS game_id,
                    incident.server_id AS server_id,
                    max(alarm.region) AS region,
                    if(max(alarm.known), groupUniqArray(toString(alarm.kind)), any(incident.named)) AS kinds,
                    if(max(alarm.known), min(toString(alarm.severity)), any(toString(incident.severity))) AS severity,
                    greatest(
                        any(incident.opened_at) - INTERVAL 10 MINUTE,
                        if(max(alarm.known), min(alarm.since), any(incident.opened_at))
                    ) AS onset,
                    if(
                        max(alarm.known) AND countIf(alarm.resolved_at IS NULL) = 0,
                        max(alarm.resolved_at),
                        any(incident.resolved_at)
                    ) AS resolved_at,
                    any(incident.last_alarm_at) AS alarmed_at
                FROM (
                    SELECT
                        incident_id, game_id, opened_at, last_alarm_at, resolved_at, severity,
                        arrayMap(of -> toString(of), kinds) AS named, arrayJoin(servers) AS server_id
                    FROM server_incidents
                    WHERE opened_at >= {since:DateTime64(3, 'UTC')}
                ) AS incident
                LEFT JOIN (
                    SELECT game_id, server_id, time, since, kind, severity, region, resolved_at, true AS known
                    FROM server_anomalies
                    WHERE time >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 MINUTE
                ) AS alarm
                    ON alarm.game_id = incident.game_id
                    AND alarm.server_id = incident.server_id
                    AND alarm.time >= incident.opened_at - INTERVAL 1 MINUTE
                    AND alarm.time <= incident.last_alarm_at
                GROUP BY incident.incident_id, incident.game_id, incident.server_id
            ) AS hurt
            GROUP BY hurt.incident_id, hurt.game_id, linked_by, place
        )
    ) AS places
SELECT
    place.of.incident_id AS incident_id,
    place.of.game_id AS game_id,
    if(length(servers) = 1, servers[1], '') AS server_id,
    place.of.servers AS servers,
    place.of.region AS region,
    place.of.kinds AS kinds,
    place.of.severity AS severity,
    place.of.onset AS onset,
    place.of.until AS until,
    place.of.resolved_at AS resolved_at,
    place.of.linked_by AS linked_by,
    found.players AS players,
    found.players_quit AS players_quit,
    found.players_silent AS players_silent,
    money.1 AS currency,
    toDecimal128(intDiv(money.2 * dateDiff('millisecond', onset, until), 1800000), 4) / 10000 AS expected_revenue,
    toDecimal128(money.3, 4) / 10000 AS actual_revenue,
    greatest(expected_revenue - actual_revenue, toDecimal128(0, 4)) AS missing_revenue,
    toDecimal128(money.2 * 2, 4) / 10000 AS revenue_at_risk
FROM (SELECT arrayJoin(arrayEnumerate(places)) AS n, places[n] AS of) AS place
LEFT JOIN (
    SELECT
        n,
        uniqExact((game_id, player_id)) AS players,
        uniqExactIf((game_id, player_id), leaves OR silent) AS players_quit,
        uniqExactIf((game_id, player_id), silent AND NOT leaves) AS players_silent,
        sumMapIf([bought.1], [bought.2], bought.1 != '' AND bought.3 <= onset) AS before,
        sumMapIf([bought.1], [bought.2], bought.1 != '' AND bought.3 > onset) AS during
    FROM (
        -- What they bought, a purchase that came twice once; who bought nothing stays, with an empty purchase.
        SELECT
            any(hit.n) AS n,
            hit.game_id AS game_id,
            hit.player_id AS player_id,
            any(hit.onset) AS onset,
            any(hit.leaves) AS leaves,
            any(hit.silent) AS silent,
            argMin((purchase.currency, purchase.units, purchase.at), purchase.`offset`) AS bought
        FROM (
            SELECT
                game_id, player_id, toString(currency) AS currency, toInt128(price * 10000) AS units,
                purchase_timestamp AS at, `offset`,
                if(event_id IS NULL, (`log`, `partition`, `offset`, ''), ('', 0, 0, assumeNotNull(event_id))) AS one
            FROM purchase_events_upserts
            WHERE toStartOfHour(purchase_timestamp) IN (SELECT arrayJoin(hours))
        ) AS purchase
        RIGHT JOIN (
            -- Who was there at the onset; of an incident's servers a player counts at the last one only.
            SELECT
                incident_id, game_id, player_id,
                argMax(n, at) AS n, argMax(leaves, at) AS leaves, argMax(silent, at) AS silent,
                argMax(onset, at) AS onset, argMax(until, at) AS until
            FROM (
                -- What became of those sessions: gone before the onset; and of their players: since it.
                SELECT
                    session.incident_id AS incident_id,
                    session.n AS n,
                    session.game_id AS game_id,
                    session.player_id AS player_id,
                    any(session.at) AS at,
                    any(session.onset) AS onset,
                    any(session.until) AS until,
                    max(event.timestamp) AS seen,
                    seen > onset
                        AND argMax(event.event_type, (event.timestamp, event.`offset`)) = 'session_end' AS leaves,
                    until - INTERVAL 1 MINUTE >= greatest(seen, onset) AS silent
                FROM (
                    SELECT
                        game_id, player_id, ifNull(session_id, '') AS session, event_type, server_id, region,
                        timestamp, `offset`
                    FROM player_events_upserts
                    WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours))
                ) AS event
                INNER JOIN (
                    -- Sessions that were seen there in the 5 minutes before the onset.
                    SELECT
                        spot.n AS n,
                        any(spot.incident_id) AS incident_id,
                        event.game_id AS game_id,
                        event.player_id AS player_id,
                        event.session AS session,
                        any(spot.linked_by) AS linked_by,
                        any(spot.place) AS place,
                        any(spot.onset) AS onset,
                        any(spot.until) AS until,
                        max((event.timestamp, event.`offset`)) AS at
                    FROM (
                        SELECT
                            game_id, player_id, ifNull(session_id, '') AS session, timestamp, `offset`,
                            toStartOfMinute(timestamp) AS minute, 'server' AS linked_by,
                            assumeNotNull(server_id) AS place
                        FROM player_events_upserts
                        WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours)) AND server_id IS NOT NULL
                        UNION ALL
                        SELECT
                            game_id, player_id, ifNull(session_id, '') AS session, timestamp, `offset`,
                            toStartOfMinute(timestamp) AS minute, 'region' AS linked_by,
                            toString(assumeNotNull(region)) AS place
                        FROM player_events_upserts
                        WHERE toStartOfHour(timestamp) IN (SELECT arrayJoin(hours)) AND region IS NOT NULL
                    ) AS event
                    INNER JOIN (
                        SELECT
                            n, of.incident_id AS incident_id, of.game_id AS game_id, of.linked_by AS linked_by,
                            of.place AS place, of.onset AS onset, of.until AS until,
                            arrayJoin(arrayMap(back -> toStartOfMinute(onset) - back * 60, range(6))) AS minute
                        FROM (SELECT arrayJoin(arrayEnumerate(places)) AS n, places[n] AS of)
                    ) AS spot
                        ON spot.linked_by = event.linked_by
                        AND spot.place = event.place
                        AND spot.minute = event.minute
                    WHERE
                        spot.game_id IN ('', event.game_id)
                        AND event.timestamp > spot.onset - INTERVAL 5 MINUTE
                        AND event.timestamp <= spot.onset
                    GROUP BY spot.n, event.game_id, event.player_id, event.session
                ) AS session ON session.game_id = event.game_id AND session.player_id = event.player_id
                WHERE
                    event.timestamp > session.onset - INTERVAL 5 MINUTE AND event.timestamp <= session.until
                GROUP BY
                    session.incident_id, session.n, session.game_id, session.player_id, session.session
                HAVING countIf(
                    event.session = session.session
                    AND (event.timestamp, event.`offset`) >= session.at
                    AND event.timestamp <= session.onset
                    AND (
                        event.event_type = 'session_end'
                        OR if(session.linked_by = 'server', event.server_id, event.region) != session.place
                    )
                ) = 0
            )
            GROUP BY incident_id, game_id, player_id
        ) AS hit
            ON hit.game_id = purchase.game_id
            AND hit.player_id = purchase.player_id
            AND purchase.at > hit.onset - INTERVAL 30 MINUTE
            AND purchase.at <= hit.until
        GROUP BY hit.incident_id, hit.game_id, hit.player_id, purchase.one
    )
    GROUP BY n
) AS found ON found.n = place.n
LEFT ARRAY JOIN arrayMap(
    code -> (
        code,
        arraySum((of, units) -> if(of = code, units, 0), found.before.1, found.before.2),
        arraySum((of, units) -> if(of = code, units, 0), found.during.1, found.during.2)
    ),
    arraySort(arrayDistinct(arrayConcat(found.before.1, found.during.1)))
) AS money;

CREATE OR REPLACE VIEW server_impact
(
    incident_id String,
    game_id String,
    server_id String,
    servers Array(String),
    region String,
    kinds Array(String),
    severity String,
    onset DateTime64(3, 'UTC'),
    until DateTime64(3, 'UTC'),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    linked_by String,
    players UInt64,
    players_quit UInt64,
    players_silent UInt64,
    currency String,
    expected_revenue Decimal(38, 4),
    actual_revenue Decimal(38, 4),
    missing_revenue Decimal(38, 4),
    revenue_at_risk Decimal(38, 4)
) AS
SELECT * FROM server_impact_since(since = '1970-01-01 00:00:00');
