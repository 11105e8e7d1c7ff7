"""How good a model was in its test weeks, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.fraud_measures import Measures


def figures(weeks: list[tuple[str, Measures]], budget: int) -> None:
    """Print one line a week, named by its first day."""
    print(
        f"{'test week':<12}{'purchases':>10}{'frauds':>8}{'AP':>8}{f'CP@{budget}':>9}{'AUC':>8}{'Brier':>9}"
    )
    for name, of in weeks:
        counts = f"{name:<12}{of.purchases:>10,}{of.frauds:>8,}"
        print(f"{counts}{of.average_precision:>8.4f}{of.precision:>9.4f}{of.auc:>8.4f}{of.brier:>9.5f}")
