"""T32: nothing is set by a name that a route does not know, and no route answers with a row as it is stored."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

from kedai.db.base import Model
from tests.feature.web.routes import Route, list_routes
from tests.feature.web.site import ADMIN, Site

EXTRAS = ("environment", "id", "is_admin", "role", "version", "partner_key_encrypted", "__proto__", "updated_by")


def models_in(declared: Any) -> list[type]:
    """The classes inside an annotation."""
    found = [one for argument in get_args(declared) for one in models_in(argument)]
    return [*found, declared] if isinstance(declared, type) else found


def bodies_of(route: Route) -> list[type[BaseModel]]:
    """The models that a route's body is read into, its dependencies' too."""
    params = [*route.dependant.body_params, *(param for one in route.dependencies() for param in one.body_params)]
    found = [model for param in params for model in models_in(param.field_info.annotation)]
    return [model for model in found if issubclass(model, BaseModel)]


def test_t32_every_body_refuses_what_it_does_not_know(shared_site: Site) -> None:
    """A new body without ``extra="forbid"`` makes this fail, and so does one that shows what was typed."""
    found = {model: route.name for route in list_routes(shared_site) for model in bodies_of(route)}
    assert len(found) >= 5
    open_ones = {name for model, name in found.items() if model.model_config.get("extra") != "forbid"}
    telling = {name for model, name in found.items() if not model.model_config.get("hide_input_in_errors")}
    assert (open_ones, telling) == (set(), set())


@pytest.mark.parametrize("extra", EXTRAS)
def test_t32_every_json_route_with_a_body_refuses_extras(shared_site: Site, extra: str) -> None:
    token = shared_site.token("admin", "sandbox")
    asked = 0
    for route in list_routes(shared_site):
        if not (route.is_json and bodies_of(route)) or extra in {
            one for body in bodies_of(route) for one in body.model_fields
        }:
            continue
        path, body = f"{route.sample}?env=sandbox", {extra: "1"}
        answer = shared_site.send(route.method, path, body, **token)
        if answer.status == 403:  # for people only
            answer = shared_site.send(route.method, path, body, **shared_site.page("admin"))
        assert answer.status == 422, (route.name, answer)
        asked += 1
    assert asked >= 3


def test_t32_no_route_answers_with_a_row(shared_site: Site) -> None:
    """What is shown is written out field by field: a new column is not published by being there."""
    answers = {
        route.name: model
        for route in list_routes(shared_site)
        for model in models_in(get_type_hints(route.dependant.call).get("return"))
    }
    assert len(answers) > 20
    assert [name for name, model in answers.items() if issubclass(model, Model)] == []
    shown = shared_site.get(f"{ADMIN}?env=sandbox", **shared_site.token("admin", "sandbox")).json()
    assert [name for name in shown if name.endswith(("_encrypted", "_hash"))] == []
