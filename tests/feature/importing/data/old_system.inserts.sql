--
-- PostgreSQL database dump
--

\restrict 0123456789

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: environment_name; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.environment_name AS ENUM (
    'sandbox',
    'live',
    'staging'
);


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: connector_exception; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.connector_exception (
    id text NOT NULL,
    connector text,
    environment public.environment_name,
    code text,
    message text,
    shop_id text,
    order_sn text,
    status text,
    created_at timestamp with time zone,
    resolved_at timestamp with time zone
);


--
-- Name: shopee_active_environment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shopee_active_environment (
    id text NOT NULL,
    environment public.environment_name NOT NULL
);


--
-- Name: shopee_auth_token; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shopee_auth_token (
    id text NOT NULL,
    environment public.environment_name,
    shop_id text,
    access_token_encrypted text,
    refresh_token_encrypted text,
    expires_at timestamp with time zone,
    refresh_expires_at timestamp with time zone,
    deleted_at timestamp with time zone
);


--
-- Name: shopee_environment_credentials; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shopee_environment_credentials (
    id text NOT NULL,
    environment public.environment_name,
    partner_id text,
    shop_id text,
    region text DEFAULT 'SG'::text,
    host text,
    default_location_id text,
    default_shipping_option_id text,
    partner_key_encrypted text,
    push_partner_key_encrypted text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone
);


--
-- Name: shopee_order_sync; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shopee_order_sync (
    id text NOT NULL,
    environment public.environment_name,
    shop_id text,
    order_sn text,
    order_status text,
    currency text,
    total_amount numeric,
    update_time bigint,
    medusa_order_id text,
    payload jsonb
);


--
-- Name: shopee_raw_event; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.shopee_raw_event (
    id text NOT NULL,
    environment public.environment_name,
    event_code integer,
    raw_body text,
    signature text,
    status text,
    created_at timestamp with time zone,
    processed_at timestamp with time zone
);


--
-- Data for Name: connector_exception; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.connector_exception VALUES ('cexc_1', 'shopee', NULL, 'order_failed', 'refresh failed: access_token=access-token-of-the-old-live-one', NULL, NULL, 'open', '2026-08-02 00:00:00+00', NULL);
INSERT INTO public.connector_exception VALUES ('cexc_2', 'shopee', 'live', 'order_failed', 'The order could not be made', NULL, '260801LIVE0002', 'resolved', '2026-08-02 00:00:00+00', NULL);
INSERT INTO public.connector_exception VALUES ('cexc_3', 'bazaar', 'live', 'order_failed', 'The order could not be made', NULL, NULL, 'open', '2026-08-02 00:00:00+00', NULL);


--
-- Data for Name: shopee_active_environment; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shopee_active_environment VALUES ('sact_1', 'live');


--
-- Data for Name: shopee_auth_token; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shopee_auth_token VALUES ('stok_1', NULL, '7001', 'v1:eF166JRRABdIPm3tg7oIE2VHz+88gA9Y7rVDSSokYWe2OlfzMJVFIt3QHcA3WdbfJI9p3c7o/QBDoGQ=', 'v1:h+woHBk4RBIO8UOEO22cmFk/Jb2WP1rbxqXQRnnEkaadoU7fy3Zs1xBSmuIwzVob9ZntDrvmH+8B1Owe', '2030-01-01 00:00:00+00', '2030-02-01 00:00:00+00', NULL);
INSERT INTO public.shopee_auth_token VALUES ('stok_2', 'live', '8001', 'v1:ByAwsjHwpVFxW+6PYCLjCGFWJ3enCENIaTpHdKJ8Eel8UC+5XLPyz57EeqQ8JdG1a1mIh/obztvRSXTN', 'v1:nyMPqNsIbWdQIdF64cSQjwWgEVc0RVz1Amn6hUAnJYm3TvTzuPPwvOfMSKhixC4OFJ5ibKwFp05jjvWK', '2030-01-01 00:00:00+00', '2030-02-01 00:00:00+00', NULL);
INSERT INTO public.shopee_auth_token VALUES ('stok_3', 'live', '8002', 'v1:ZvbUUtXYF5nR7oNvaK2UlMgWK3vYtPYq4bDxMfNKfF8=', 'v1:73VsqmIMQe9sQVeoBtsYLv2PJVqSMB4tsCraiDG8tEubvhzUJoT8xPWDwy51OmdAyWX5i3+EZeWev0l7', '2030-01-01 00:00:00+00', '2030-02-01 00:00:00+00', NULL);


--
-- Data for Name: shopee_environment_credentials; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shopee_environment_credentials VALUES ('senv_1', NULL, '1000016', '7001', 'SG', NULL, 'SGZ', NULL, 'v1:pZ6f3mfcNprzEjlXWApLOxAAe3Pe4KrdR7cIqqHngQ7BSxfZvZ7xwrdOGWdd/DA5d1Kr3vjfjWW9NYbA', 'v1:gxJWTYCIf6B65LO8JVzoXaWbqzXeTz0EJQn7b6hW/eajqQ9Fm+BY5fcr8Gc3UzmQCg4s03S/UlOYpHd2', '2026-11-23 02:38:29.061373+00', '2026-11-23 02:38:29.061373+00', NULL);
INSERT INTO public.shopee_environment_credentials VALUES ('senv_2', 'live', '2000032', '8001', 'MY', NULL, NULL, NULL, 'v1:1YJQ02Eb1zWiVEpUz0WFzEVUVRX3RflWmekoMUi58hadMYdFNBnpETDLGq7Ekd6UXI6FqaYNpSR1zlrY', 'v1:UP54XLa/27DJvWi3gYGcy4duvGGsiIl74NjnB5mMllei4/OC4RZfsVT5BbtmDabEQttCBqr44qffpD6V', '2026-11-23 02:38:29.061373+00', '2026-11-23 02:38:29.061373+00', NULL);
INSERT INTO public.shopee_environment_credentials VALUES ('senv_3', 'live', '3', NULL, 'SG', NULL, NULL, NULL, NULL, NULL, '2026-11-23 02:38:29.061373+00', '2026-11-23 02:38:29.061373+00', '2026-01-01 00:00:00+00');


--
-- Data for Name: shopee_order_sync; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shopee_order_sync VALUES ('sord_1', NULL, NULL, '260801SANDBOX1', 'READY_TO_SHIP', 'SGD', NULL, 1785000000, 'order_sord_1', '{"a": [1, "\t"]}');
INSERT INTO public.shopee_order_sync VALUES ('sord_2', 'live', '8001', '260801LIVE0001', 'READY_TO_SHIP', 'SGD', 12.50, 1785000100, 'order_sord_2', '{"a": [1, "\t"]}');
INSERT INTO public.shopee_order_sync VALUES ('sord_3', 'live', '8001', '260801LIVE0002', 'READY_TO_SHIP', 'SGD', NULL, NULL, 'order_sord_3', '{"a": [1, "\t"]}');
INSERT INTO public.shopee_order_sync VALUES ('sord_4', 'live', '8003', '260801LIVE0009', 'READY_TO_SHIP', 'SGD', NULL, 1785000200, 'order_sord_4', '{"a": [1, "\t"]}');
INSERT INTO public.shopee_order_sync VALUES ('sord_5', 'live', '8001', 'no spaces here', 'READY_TO_SHIP', 'SGD', NULL, 1785000200, 'order_sord_5', '{"a": [1, "\t"]}');
INSERT INTO public.shopee_order_sync VALUES ('sord_6', 'live', '8001', '260801LIVE0010', 'READY_TO_SHIP', 'SGD', 0.00001, 1785000200, 'order_sord_6', '{"a": [1, "\t"]}');


--
-- Data for Name: shopee_raw_event; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.shopee_raw_event VALUES ('sraw_1', NULL, 3, '{"data": {"ordersn": "260801SANDBOX1", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 7001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'processed', '2026-08-01 02:00:01.123456+00', '2026-08-01 02:00:01.123456+00');
INSERT INTO public.shopee_raw_event VALUES ('sraw_2', 'live', 3, '{"data": {"ordersn": "260801LIVE0001", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 8001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'pending', '2026-08-01 02:00:02.123456+00', NULL);
INSERT INTO public.shopee_raw_event VALUES ('sraw_3', 'live', 3, '{"data": {"ordersn": "260801LIVE0002", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 8001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'failed', '2026-08-01 02:00:03.123456+00', NULL);
INSERT INTO public.shopee_raw_event VALUES ('sraw_4', 'live', 3, '{"data": {"ordersn": "260801LIVE0003", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 8001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'levitating', '2026-08-01 02:00:04.123456+00', NULL);
INSERT INTO public.shopee_raw_event VALUES ('sraw_5', 'live', 3, '{"data": {"ordersn": "260801LIVE0001", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 8001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'processed', '2026-08-01 02:00:05.123456+00', '2026-08-01 02:00:05.123456+00');
INSERT INTO public.shopee_raw_event VALUES ('sraw_6', 'staging', 3, '{"data": {"ordersn": "260801STAGING1", "status": "READY_TO_SHIP", "note": "tab\tnew\nline \\N \\. it''s; $$ 鍵 🔑"}, "shop_id": 7001, "code": 3, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'processed', '2026-08-01 02:00:06.123456+00', '2026-08-01 02:00:06.123456+00');
INSERT INTO public.shopee_raw_event VALUES ('sraw_7', 'sandbox', 3, '{"cut off', '0000000000000000000000000000000000000000000000000000000000000000', 'processed', '2026-08-01 02:00:07.123456+00', '2026-08-01 02:00:07.123456+00');
INSERT INTO public.shopee_raw_event VALUES ('sraw_8', 'sandbox', 3, '', '0000000000000000000000000000000000000000000000000000000000000000', 'processed', '2026-08-01 02:00:08.123456+00', '2026-08-01 02:00:08.123456+00');
INSERT INTO public.shopee_raw_event VALUES ('sraw_9', 'sandbox', 3, '{"code": 10, "shop_id": 7001, "timestamp": 1785000000}', '0000000000000000000000000000000000000000000000000000000000000000', 'pending', '2026-08-01 02:00:09.123456+00', NULL);


--
-- Name: connector_exception connector_exception_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.connector_exception
    ADD CONSTRAINT connector_exception_pkey PRIMARY KEY (id);


--
-- Name: shopee_active_environment shopee_active_environment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shopee_active_environment
    ADD CONSTRAINT shopee_active_environment_pkey PRIMARY KEY (id);


--
-- Name: shopee_auth_token shopee_auth_token_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shopee_auth_token
    ADD CONSTRAINT shopee_auth_token_pkey PRIMARY KEY (id);


--
-- Name: shopee_environment_credentials shopee_environment_credentials_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shopee_environment_credentials
    ADD CONSTRAINT shopee_environment_credentials_pkey PRIMARY KEY (id);


--
-- Name: shopee_order_sync shopee_order_sync_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shopee_order_sync
    ADD CONSTRAINT shopee_order_sync_pkey PRIMARY KEY (id);


--
-- Name: shopee_raw_event shopee_raw_event_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.shopee_raw_event
    ADD CONSTRAINT shopee_raw_event_pkey PRIMARY KEY (id);


--
-- PostgreSQL database dump complete
--

\unrestrict 0123456789

