"""The pages' few icons, drawn here as stroked paths on a grid of 24."""

from __future__ import annotations

ICONS = {
    "sandbox": "M9 3h6M10 3v6L4.6 18.2A2 2 0 0 0 6.3 21h11.4a2 2 0 0 0 1.7-2.8L14 9V3M7.5 15h9",
    "live": "M12 12h.01M8.5 15.5a5 5 0 0 1 0-7m7 0a5 5 0 0 1 0 7M5.6 18.4a9 9 0 0 1 0-12.8m12.8 0a9 9 0 0 1 0 12.8",
    "all": "M12 3 3 8l9 5 9-5-9-5M3 13l9 5 9-5M3 18l9 5 9-5",
    "home": "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-5h4v5",
    "orders": "M6 8h12l1 12H5L6 8M9 8V6a3 3 0 0 1 6 0v2",
    "events": "M4 13V6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v7M4 13h4l1.5 3h5L16 13h4v5a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-5",
    "exceptions": "M12 4 2.8 20h18.4L12 4M12 10v4M12 17h.01",
    "runs": "M4 12a8 8 0 1 1 2.3 5.7M4 19v-5h5M12 8v4l3 2",
    "connection": "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0V8M12 17v4",
    "staff": "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7M18 14.5a7 7 0 0 1 4 6.5",
    "audit": "M6 3h9l4 4v14H6V3M14 3v5h5M9 12h7M9 16h7",
    "tokens": "M15 9h.01M11 13.5 4 20.5M7 17.5l2 2M14.5 14a5.5 5.5 0 1 0-4-4",
    "good": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8 12.5l3 3 5-6",
    "info": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5M12 8h.01",
    "warn": "M12 4 2.8 20h18.4L12 4M12 10v4M12 17h.01",
    "bad": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v6M12 16.5h.01",
    "quiet": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8 12h8",
    "check": "M5 12.5l5 5 9-10",
    "empty": "M4 8l8-4 8 4v9l-8 4-8-4V8M4 8l8 4 8-4M12 12v9",
    "search": "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M16 16l4 4",
    "next": "M9 5l7 7-7 7",
    "replay": "M4 12a8 8 0 1 0 2.3-5.7M4 5v5h5",
    "sku-map": "M4 5h7v6H4V5M14 7h6M14 10h4M4 14h7v6H4v-6M14 16h6M14 19h4",
    "key": "M15 9h.01M11 13.5 4 20.5M7 17.5l2 2M14.5 14a5.5 5.5 0 1 0-4-4",
    "switch": "M4 8h14l-3-3M20 16H6l3 3",
}
