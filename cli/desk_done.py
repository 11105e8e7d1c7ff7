"""What the desk's commands do, in a line each: label, close, show, and how good rules are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from cli.desk import Desk, desk
from cli.desk_again import Judged, judged_again, verdict
from cli.desk_alerts import Alert, Wanted, alert_of, case_of, cases
from cli.desk_file import Told, label_file
from cli.desk_labels import Said, purchases, send_labels
from cli.desk_notes import Note, keep_case
from cli.desk_purchases import of_alert, of_place
from cli.desk_shown import (
    again_told,
    as_json,
    case_json,
    show_alert,
    show_cases,
    show_evidence,
    show_quality,
)
from cli.harmless import moment, now_ms
from cli.letters_wanted import since as since_ms
from cli.rules_known import known_rules
from models.fraud_rule import Rule
from models.fraud_verdict import Thresholds
from settings import from_caller

_QUALITY = """
SELECT rule_id, rule_version, shadow, sum(of_day.alerts), sum(of_day.hits), sum(of_day.labelled),
    sum(of_day.fraud), sum(of_day.honest)
FROM fraud_rule_quality_by_day AS of_day WHERE day >= toDate(fromUnixTimestamp64Milli({since:Int64}))
GROUP BY rule_id, rule_version, shadow ORDER BY rule_id, rule_version, shadow
"""
QUALITY = ("rule_id", "rule_version", "shadow", "alerts", "hits", "labelled", "fraud", "honest")


def label_one(alert_id: str, places: Sequence[str], said: Said) -> None:
    """Label an alert's purchases, and others by place."""
    with desk() as at:
        wanted = [(of_place(at, place), said) for place in places]
        if alert_id:
            print(_label_alert(at, alert_of(at, alert_id), said))
        if wanted:
            print(send_labels(at, wanted).told(said.verdict))


def label_many(file: str, told: Told) -> None:
    """Label what a file names."""
    with desk() as at:
        sent = label_file(at, Path(from_caller(file)), told)
    print(sent.told("as the file says"))


def list_cases(wanted: Wanted, limit: int, *, json: bool) -> None:
    """Print cases."""
    with desk() as at:
        found, count = cases(at, wanted, limit)
    if json:
        as_json({"cases": [case_json(of) for of in found], "count": count})
    else:
        show_cases(found, count)


def show(alert_id: str, *, json: bool) -> int:
    """Print an alert and judge it again; gives the exit code."""
    with desk() as at:
        alert = alert_of(at, alert_id)
        case = case_of(at, alert.alert_id)
        if not json:
            show_alert(alert, case)
        judged = _judged(at, alert)
    different = verdict(alert, judged)
    if json:
        told = {**case_json(case), **msgspec.to_builtins(alert)}
        told["reasons"] = [reason._asdict() for reason in alert.reasons]
        told["again"] = {"same": not different, "different": different, "scores": [of.score for of in judged]}
        as_json(told)
    else:
        show_evidence(alert, judged)
        print(again_told(alert, judged))
    return 1 if different else 0


def close(alert_id: str, said: Said) -> None:
    """Label an alert's purchases and close its case."""
    with desk() as at:
        alert = alert_of(at, alert_id)
        case = case_of(at, alert.alert_id)
        told = _label_alert(at, alert, said)
        keep_case(at, case, "closed", case.assigned_to, Note(said.reason, said.by))
    print(f"{alert.alert_id} is closed; {told}")


def assign(alert_id: str, name: str, note: Note) -> None:
    """Give a case to somebody, or to nobody."""
    with desk() as at:
        case = case_of(at, alert_of(at, alert_id).alert_id)
        keep_case(at, case, case.state, name, note)
    print(f"{case.alert_id} is given to {name}" if name else f"{case.alert_id} is nobody's")


def reopen(alert_id: str, note: Note) -> None:
    """Open a case again."""
    with desk() as at:
        case = case_of(at, alert_of(at, alert_id).alert_id)
        keep_case(at, case, "open", case.assigned_to, note)
    print(f"{case.alert_id} is open; its labels stay until there are later ones")


def rules_quality(since: str, *, json: bool) -> None:
    """Print how good rules are."""
    from_ms = since_ms(since, now_ms()) or 0
    with desk() as at:
        found = at.ask(_QUALITY, {"since": from_ms})
    rows = [dict(zip(QUALITY, row, strict=True)) for row in found]
    rows = [{**row, "precision": _share(row)} for row in rows]
    if json:
        as_json({"since": moment(from_ms)[:10] if from_ms else None, "rules": rows})
    else:
        show_quality(rows)


def _label_alert(at: Desk, alert: Alert, said: Said) -> str:
    """Label all evidence of an alert; says what was done."""
    case = case_of(at, alert.alert_id)
    said = Said(said.fraud, said.by, said.reason, alert.alert_id)
    told = send_labels(at, [(of, said) for of in of_alert(at, alert, case.game_id)]).told(said.verdict)
    more = alert.purchases - len(alert.evidence)
    rest = f" ({purchases(more)} beyond its evidence: label those with --purchase)" if more else ""
    return told + rest


def _judged(at: Desk, alert: Alert) -> list[Judged]:
    """Judge an alert again, by all rules that are known."""
    with known_rules(at.at.kafka) as (known, _):
        rules: dict[str, Rule] = {of.rule.name: of.rule for of in known.versions.values()}
    fraud = at.at.fraud
    return judged_again(alert, rules, Thresholds(fraud.block_at, fraud.review_at))


def _share(row: dict[str, object]) -> float | None:
    labelled, fraud = int(str(row["labelled"])), int(str(row["fraud"]))
    return fraud / labelled if labelled else None
