"""`KEDAI_INACTIVE_EVENTS=drop`: the strict behaviour, from the delivery to the page."""

from __future__ import annotations

from pathlib import Path

from tests.feature.web.site import serving
from tests.support.installation import order_push


def test_order_pushes_of_the_inactive_environment_are_answered_counted_and_not_stored(
    database_url: str, tmp_path: Path
) -> None:
    with serving(database_url, tmp_path, inactive_events="drop") as site:
        live, sandbox = order_push("260901470001", 8001), order_push("260901470002", 7001)
        probe = b'{"code": 0, "data": {"verify_info": "x"}}'
        assert [site.push(live, "live").status for _ in range(3)] == [200] * 3
        assert (site.push(sandbox).status, site.push(probe, "live").status) == (200, 200)
        assert sorted(bytes(event.body) for event in site.events()) == sorted([probe, sandbox])
        metrics = site.get("/metrics", **site.token("viewer")).body.decode()
        assert 'kedai_pushes_dropped_total{environment="live"} 3.0' in metrics
        page = site.get("/connectors/shopee?tab=live", **site.page()).body.decode()
        assert "dropped, as this installation is set" in page
        site.switch("live")
        assert [event.state for event in site.events()] == ["received"] * 2
        assert site.push(live, "live").status == 200
        assert site.push(order_push("260901470003", 7001)).status == 200
        assert len(site.events()) == 3


def test_without_it_they_are_parked(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path) as site:
        assert site.push(order_push("260901470001", 8001), "live").status == 200
        assert [event.state for event in site.events()] == ["parked"]
        page = site.get("/connectors/shopee?tab=live", **site.page()).body.decode()
        assert "kept and parked" in page
