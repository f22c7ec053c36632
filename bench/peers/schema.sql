-- The peers' tables: what Kedai keeps of a push, without Kedai's queue columns and without its five more indexes.
create table environment_credentials (
    connector text not null,
    environment text not null check (environment in ('sandbox', 'live')),
    push_key text not null,
    is_active boolean not null,
    primary key (connector, environment)
);

create table raw_event (
    id uuid primary key,
    connector text not null,
    environment text not null check (environment in ('sandbox', 'live')),
    event_id bytea not null,
    body bytea not null,
    headers text not null,
    code integer,
    shop_id text,
    order_sn text,
    pushed_at timestamptz,
    received_at timestamptz not null,
    state text not null check (state in ('received', 'parked', 'applied', 'skipped', 'dead', 'discarded')),
    unique (connector, environment, event_id),
    foreign key (connector, environment) references environment_credentials
);
