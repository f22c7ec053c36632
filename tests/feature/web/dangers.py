"""Every route that changes something, placed once: is it dangerous, so that a person must prove anew who they are?

The rule: dangerous is what gives or takes away access (credentials, keys, people, tokens, one's own ways in, a shop's
connection), what decides who is told of trouble, what lets live act (going live, unsealing), and what sets aside work
that nobody then does (discarding all parked events). What one click undoes, what only ends one's own access, and what
proves who one is, is not.
"""

from __future__ import annotations

DANGEROUS = {
    # one's own ways in
    "POST /account/password",
    "POST /account/totp",
    "POST /account/totp/confirm",
    "POST /account/totp/off",
    "POST /account/recovery-codes",
    "POST /account/passkeys/options",
    "POST /account/passkeys",
    "POST /account/passkeys/{passkey_id}/remove",
    # people
    "POST /staff",
    "POST /staff/{staff_id}/role",
    "POST /staff/{staff_id}/disable",
    "POST /staff/{staff_id}/enable",
    "POST /staff/{staff_id}/password",
    "POST /staff/{staff_id}/passkeys/remove",
    "POST /staff/{staff_id}/totp/off",
    "POST /staff/{staff_id}/sessions/end",
    "POST /staff/{staff_id}/sessions/{session_id}/end",
    # programs
    "POST /tokens",
    "POST /tokens/{token_id}/revoke",
    # keys
    "POST /settings/keys",
    "POST /settings/keys/rewraps",
    "POST /settings/keys/verifications",
    "POST /settings/keys/{kid}/promotions",
    "POST /settings/keys/{kid}/retirements",
    # who is told of trouble, and secrets that reach people
    "POST /settings/notifications",
    "POST /settings/notifications/{channel_id}",
    "POST /settings/notifications/{channel_id}/pause",
    "POST /settings/notifications/{channel_id}/resume",
    "POST /settings/notifications/{channel_id}/remove",
    "POST /settings/notifications/{channel_id}/tests",
    # credentials
    "PATCH /admin/dashboard/connectors/{connector}",
    "DELETE /admin/dashboard/connectors/{connector}/secrets/{secret}",
    "POST /admin/dashboard/connectors/{connector}/parity/copy",
    "POST /connectors/{name}/secrets/{secret}/clear",
    "POST /connectors/{name}/old-push-key/end",
    "POST /connectors/{name}/parity/copy",
    # shops: accepting one that was not expected, forgetting one's tokens
    "POST /connectors/{name}/shops/{shop_id}/confirm",
    "POST /connectors/{name}/shops/{shop_id}/disconnect",
    "POST /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/confirmation",
    "DELETE /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/connection",
    # merchants likewise
    "POST /connectors/{name}/merchants/{merchant_id}/confirm",
    "POST /connectors/{name}/merchants/{merchant_id}/disconnect",
    "POST /api/v1/{environment}/connectors/{connector}/merchants/{merchant_id}/confirmation",
    "DELETE /api/v1/{environment}/connectors/{connector}/merchants/{merchant_id}/connection",
    # all parked events at once
    "POST /e/{environment}/parked/discard",
    "POST /api/v1/{environment}/connectors/{connector}/parked-events/discards",
    # many orders at once, set back to what was known at a time
    "POST /e/{environment}/rebuilds/{run_id}/apply",
    "POST /api/v1/{environment}/rebuilds/{run_id}/applications",
}
"""The route itself asks: `fresh=True`."""

DEPENDS = {
    "POST /connectors/{name}/credentials",  # says so on the form, so that nothing typed is lost
    "POST /connectors/{name}/switch",  # to live
    "POST /admin/dashboard/connectors/{connector}/active-environment",  # to live; takes the password along
    "POST /quarantine/unseal",  # once the name was typed right
    "POST /e/{environment}/runs/{run_id}/cancel",  # a rewrap
    "DELETE /api/v1/{environment}/runs/{run_id}",  # a rewrap
}
"""Dangerous by more than the route: each asks by itself, and `test_step_up.py` shows each refusing."""

HARMLESS = {
    # proving who one is, and ending one's own access
    "POST /login",
    "POST /login/code",
    "POST /login/passkey/options",
    "POST /login/passkey",
    "POST /logout",
    "POST /theme",
    "POST /account/language",
    "POST /confirm",
    "POST /confirm/passkey/options",
    "POST /confirm/passkey",
    "POST /admin/dashboard/confirmations",
    "POST /account/sessions/end-others",
    "POST /account/time-zone",
    "POST /account/sessions/{session_id}/end",
    # the consent page decides
    "POST /connectors/{name}/connect",
    # takes back what stands under `UNDONE`, and asks for what that asked for
    "POST /deeds/{number}/undo",
    # undone by one click
    "POST /connectors/{name}/shops/{shop_id}/pause",
    "POST /connectors/{name}/shops/{shop_id}/resume",
    "POST /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/pause",
    "DELETE /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/pause",
    "POST /connectors/{name}/merchants/{merchant_id}/pause",
    "POST /connectors/{name}/merchants/{merchant_id}/resume",
    "POST /api/v1/{environment}/connectors/{connector}/merchants/{merchant_id}/pause",
    "DELETE /api/v1/{environment}/connectors/{connector}/merchants/{merchant_id}/pause",
    "POST /e/{environment}/events/{event_id}/discards",
    "POST /api/v1/{environment}/events/{event_id}/discards",
    "POST /e/{environment}/runs/{run_id}/pause",
    "POST /e/{environment}/runs/{run_id}/resume",
    "POST /api/v1/{environment}/runs/{run_id}/pause",
    "DELETE /api/v1/{environment}/runs/{run_id}/pause",
    "POST /e/{environment}/schedules/{connector}/{kind}/pause",
    "POST /e/{environment}/schedules/{connector}/{kind}/resume",
    "POST /api/v1/{environment}/connectors/{connector}/schedules/{kind}/pause",
    "DELETE /api/v1/{environment}/connectors/{connector}/schedules/{kind}/pause",
    *(
        f"POST {base}/exceptions/{{exception_id}}/{deed}"
        for base in ("/e/{environment}", "/api/v1/{environment}")
        for deed in ("resolutions", "reopenings", "snoozes")
    ),
    "POST /e/{environment}/exceptions/{exception_id}/assignments",
    "POST /e/{environment}/exceptions/{exception_id}/notes",
    "PUT /api/v1/{environment}/exceptions/{exception_id}/assignee",
    "PUT /api/v1/{environment}/exceptions/{exception_id}/note",
    # work that is done again without harm
    "POST /e/{environment}/schedules/{connector}/{kind}/runs",
    "POST /api/v1/{environment}/connectors/{connector}/schedules/{kind}/runs",
    "POST /connectors/{name}/certificates",
    "POST /admin/dashboard/connectors/{connector}/certificates",
    "POST /connectors/{name}/push-registration",
    "POST /admin/dashboard/connectors/{connector}/push-registration",
    "POST /e/{environment}/events/replay-parked",
    "POST /e/{environment}/events/{event_id}/replays",
    "POST /api/v1/{environment}/connectors/{connector}/parked-events/replays",
    "POST /e/{environment}/replays",
    "POST /api/v1/{environment}/connectors/{connector}/event-replays",
    "POST /e/{environment}/rebuilds",
    "POST /e/{environment}/rebuilds/{run_id}/discard",
    "POST /api/v1/{environment}/connectors/{connector}/rebuilds",
    "POST /api/v1/{environment}/rebuilds/{run_id}/discards",
    "POST /api/v1/{environment}/events/{event_id}/replays",
    "POST /e/{environment}/backfill/estimate",
    "POST /e/{environment}/backfill",
    "POST /e/{environment}/coverage",
    "POST /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/statements",
    "POST /api/v1/{environment}/connectors/{connector}/shops/{shop_id}/backfills",
    "POST /e/{environment}/exceptions/{exception_id}/retries",
    "POST /api/v1/{environment}/exceptions/{exception_id}/retries",
    # takes in nothing but what the environment's own push key signed
    "POST /e/{environment}/rejected/{rejected_id}/admissions",
    "POST /e/{environment}/rejected/admissions",
    "POST /api/v1/{environment}/rejected-deliveries/{rejected_id}/admissions",
    "POST /api/v1/{environment}/connectors/{connector}/rejected-deliveries/admissions",
    "POST /e/{environment}/orders/{order_id}/fetches",
    "POST /api/v1/{environment}/orders/{order_id}/fetches",
    "POST /e/{environment}/notices/{notice_id}/seen",
    # a look that is recorded, by those whose role allows it
    "POST /e/{environment}/orders/{order_id}/reveals",
    "POST /api/v1/{environment}/orders/{order_id}/reveals",
    # entries of the SKU map: each is changed back as easily, and the trail says from what
    "POST /e/{environment}/sku-map",
    "POST /e/{environment}/sku-map/demand",
    "POST /e/{environment}/sku-map/previews",
    "POST /e/{environment}/sku-map/imports",
    "POST /e/{environment}/sku-map/copies",
    "POST /e/{environment}/sku-map/refreshes",
    "POST /e/{environment}/orders/{order_id}/sku-checks",
    "PATCH /api/v1/{environment}/connectors/{connector}/sku-map",
    "PUT /api/v1/{environment}/connectors/{connector}/sku-map/listings/{listing_id}/sku",
    "DELETE /api/v1/{environment}/connectors/{connector}/sku-map/listings/{listing_id}/sku",
    "POST /api/v1/{environment}/connectors/{connector}/sku-map/imports",
    "POST /api/v1/{environment}/connectors/{connector}/sku-map/refreshes",
    # names for filters
    "POST /e/{scope}/views/{page}",
    "POST /e/{scope}/views/{page}/{view_id}",
    "POST /e/{scope}/views/{page}/{view_id}/remove",
    # a copy of what the page shows
    "POST /e/{environment}/sku-map/exports",
    "POST /api/v1/{environment}/connectors/{connector}/sku-map/exports",
    "POST /audit/exports",
    *(f"POST /e/{{scope}}/{one}/exports" for one in ("orders", "events", "exceptions", "calls")),
    # a look, of which nothing is kept but that it was taken
    "POST /doctor/examinations",
    "POST /audit/checks",
    "POST /api/v1/{environment}/doctor/examinations",
}

UNDONE = {
    *(f"POST /connectors/{{name}}/{one}/pause" for one in ("shops/{shop_id}", "merchants/{merchant_id}")),
    *(f"POST /connectors/{{name}}/{one}/resume" for one in ("shops/{shop_id}", "merchants/{merchant_id}")),
    "POST /e/{environment}/events/{event_id}/discards",
    *(f"POST /e/{{environment}}/runs/{{run_id}}/{deed}" for deed in ("pause", "resume")),
    *(f"POST /e/{{environment}}/schedules/{{connector}}/{{kind}}/{deed}" for deed in ("pause", "resume")),
    *(
        f"POST /e/{{environment}}/exceptions/{{exception_id}}/{deed}"
        for deed in ("resolutions", "reopenings", "snoozes", "assignments", "notes")
    ),
    "POST /e/{environment}/notices/{notice_id}/seen",
    "POST /e/{scope}/views/{page}/{view_id}",
    "POST /e/{scope}/views/{page}/{view_id}/remove",
}
"""Mild deeds (D32): the line at the top of the page after them has an Undo button, and `test_undo.py` presses each.

The others are work that cannot be called back, ask before, or are changed back in the very field they were typed in.
Pausing a channel is none: what waited is given up, and who is told of trouble is a matter of who one is.
"""

FORMS_OF_DANGEROUS_ACTS = {
    "GET /account/password",
    "GET /account/totp",
    "GET /connectors/{name}/secrets/{secret}/clear",
    "GET /e/{environment}/parked/discard",
}
"""Pages that ask before anything is typed."""
