"""The doctor in JSON: the installation and one environment, as the path names it."""

from __future__ import annotations

from fastapi import APIRouter

from kedai.doctor.finding import as_values
from kedai.doctor.run import examine
from kedai.values.environment import Environment
from kedai.web.api.place import PREFIX, Connecter, Place, Reader
from kedai.web.dashboard.face import read_face
from kedai.web.deps import RuntimeDep

router = APIRouter(prefix=f"{PREFIX}/doctor")


@router.get("")
async def look(place: Place, runtime: RuntimeDep, _caller: Reader) -> dict[str, object]:
    """What is stored and how this server stands; nobody outside is asked."""
    face = read_face(runtime.settings)
    return as_values(await examine(runtime, face, environments=(place,), asked=(), offline=True))


@router.post("/examinations")
async def ask(place: Place, runtime: RuntimeDep, _caller: Connecter) -> dict[str, object]:
    """The whole list, with our own address and the marketplace asked; 200 whether checks failed or not."""
    asked: tuple[Environment, ...] = (place,)
    face = read_face(runtime.settings)
    return as_values(await examine(runtime, face, environments=asked, asked=asked, offline=False))
