"""What the list of guides says of each, in the reader's language; the guides themselves are in English."""

from __future__ import annotations

from kedai.values.wording import N_
from kedai.web.dashboard.guides import Guide

GROUPS = {
    "": N_("Begin here"),
    "how-to": N_("How to"),
    "explanation": N_("What stands behind it"),
    "reference": N_("To look things up"),
}
"""The headings of the list, by the folder of a guide."""

LINES = {
    Guide.QUICKSTART: N_("Ten minutes with the demo, without an account anywhere."),
    Guide.GET_STARTED: N_("From an empty installation to the first live order."),
    Guide.CONNECT_A_SHOP: N_("Enter credentials, connect a shop, see its first event, connect it again."),
    Guide.GO_LIVE: N_("The checks before, the switch itself, and the way back."),
    Guide.LOOK_AT_AN_ORDER: N_("What the page of an order tells, and what operators may do there."),
    Guide.MANAGE_PEOPLE: N_("Roles, passwords, passkeys, sessions, API tokens and the audit trail."),
    Guide.REPLAY_PARKED_EVENTS: N_("What was kept and not worked on: work on it now, or say that it is not needed."),
    Guide.REBUILD_ORDERS: N_("Orders as they were known at a time, from the answers that are stored."),
    Guide.WATCH_THE_SCHEDULE: N_("What comes round by itself, how it stands, and what is forgotten when."),
    Guide.FIND_AND_MEND_GAPS: N_("What was missed, how Kedai notices, and how to read it anew."),
    Guide.ASK_THE_DOCTOR: N_("One list of everything that can be wrong, each with what to do."),
    Guide.ASK_SHOPEE_SUPPORT: N_("Find the request ID of the call that went wrong."),
    Guide.ADMIT_REJECTED_DELIVERIES: N_("Why a push was refused, and how to take it in afterwards."),
    Guide.LOOK_AFTER_EXCEPTIONS: N_("Troubles for a person: resolve, snooze, assign and retry them."),
    Guide.BE_TOLD_OF_TROUBLE: N_("E-mail, chats and webhooks that say what is wrong, and when it is well again."),
    Guide.MAP_SKUS: N_("Which of your own SKUs each product of the marketplace is."),
    Guide.ROTATE_KEYS: N_("A new master key or a new push key, while everything goes on."),
    Guide.BACK_UP_AND_RESTORE: N_("What to keep, where, and how to come back from it."),
    Guide.UNSEAL_A_COPY: N_("What to do when an installation wakes up somewhere else."),
    Guide.COMPARE_SANDBOX_AND_LIVE: N_("What differs between the two environments, and what may be copied."),
    Guide.RUN_ON_POSTGRESQL: N_("Move from SQLite to PostgreSQL, and run more than one machine."),
    Guide.COME_FROM_THE_OLD_SYSTEM: N_("Take over what the Medusa plugin holds."),
    Guide.USE_THE_SIMULATOR: N_("A Shopee of your own, for development and tests."),
    Guide.ADD_A_CONNECTOR: N_("Teach Kedai a second marketplace."),
    Guide.TRANSLATE_THE_DASHBOARD: N_("How the pages learn another language."),
    Guide.ENVIRONMENTS: N_("How sandbox and live are kept apart, and what being active means."),
    Guide.ARCHITECTURE: N_("What exists, and how it works together."),
    Guide.SETTINGS: N_("Everything that the process environment sets."),
    Guide.COMMANDS: N_("Every command of the command line, with its options."),
    Guide.HTTP: N_("Every route, roles, API tokens, and what JSON looks like."),
    Guide.ERRORS: N_("Every error code, with its HTTP status and exit code."),
    Guide.EVENTS: N_("States, reasons and push codes."),
    Guide.DATABASE: N_("Every table, and what it holds."),
}
