"""How the schedules stand, as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prometheus_client import Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily

from kedai.runs.timing import ScheduleState
from kedai.sync.schedule_view import ScheduleView

_LABELS = ["kind", "connector", "environment"]


def render_schedules(views: Sequence[ScheduleView]) -> bytes:
    """``kedai_schedule_state`` is 1 for the state it is in, 0 for the others; instants are Unix seconds."""
    return generate_latest(_Schedules(views))


@dataclass(frozen=True, slots=True)
class _Schedules:
    views: Sequence[ScheduleView]

    def collect(self) -> Iterable[Metric]:
        """What a scrape asks for."""
        states = GaugeMetricFamily(
            "kedai_schedule_state", "Schedules: 1 for the state each is in.", labels=[*_LABELS, "state"]
        )
        success = GaugeMetricFamily(
            "kedai_schedule_last_success_timestamp_seconds", "When each schedule last succeeded.", labels=_LABELS
        )
        duration = GaugeMetricFamily(
            "kedai_schedule_last_duration_seconds", "How long its last successful run took.", labels=_LABELS
        )
        for view in self.views:
            name = [view.kind, view.connector, view.environment.value]
            for state in ScheduleState:
                states.add_metric([*name, state.value], float(view.state is state))
            if view.last_success_at is not None:
                success.add_metric(name, view.last_success_at.timestamp())
            if view.durations:
                duration.add_metric(name, view.durations[-1])
        return [states, success, duration]
