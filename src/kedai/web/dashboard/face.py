"""What this version sends to everybody: the doctor compares it with what comes out of the public address."""

from __future__ import annotations

import hashlib

from kedai.doctor.door import Face
from kedai.settings import Settings
from kedai.web.dashboard.assets import all_assets, static_url
from kedai.web.security import SECURITY_HEADERS, session_cookie_name


def read_face(settings: Settings) -> Face:
    """By the public URL, which decides the cookie's name."""
    is_secure = settings.public_url.startswith("https://")
    return Face(
        page="/login",
        headers=SECURITY_HEADERS,
        cookie_path="/logout",
        cookie_name=session_cookie_name(secure=is_secure),
        is_secure=is_secure,
        assets={static_url(name): hashlib.sha256(one.body).hexdigest() for name, one in all_assets().items()},
    )
