// The ordinary Express receiver: check the signature, insert the push through a pool, answer after the insert.
import { createHash, createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import express from "express";
import pg from "pg";

const { DATABASE_URL, PORT, PUBLIC_URL, POOL_SIZE = "20", PREPARED = "" } = process.env;
const PUSH_KEYS_TTL_MS = 1000;
// The environment is checked by the statement that stores the push: a cached answer could be a switch too old.
const INSERT = {
  ...(PREPARED && { name: "insert-raw-event" }),
  text: `insert into raw_event (id, connector, environment, event_id, body, headers, code, shop_id, order_sn, pushed_at, received_at, state)
         select $1, connector, environment, $3, $4, $5, $6, $7, $8, $9, now(),
                case when is_active then 'received' else 'parked' end
         from environment_credentials where connector = 'shopee' and environment = $2
         on conflict (connector, environment, event_id) do nothing`,
};

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_SIZE) });
const requests = new Map();
let pushKeys = new Map();
let pushKeysReadAt = 0;
let reading = null;

async function pushKeyOf(environment) {
  if (Date.now() - pushKeysReadAt > PUSH_KEYS_TTL_MS) {
    reading ??= readPushKeys().finally(() => { reading = null; });
    await reading;
  }
  return pushKeys.get(environment);
}

async function readPushKeys() {
  const { rows } = await pool.query(
    "select environment, push_key from environment_credentials where connector = 'shopee'",
  );
  pushKeys = new Map(rows.map((row) => [row.environment, row.push_key]));
  pushKeysReadAt = Date.now();
}

function isSigned(key, url, body, given) {
  const expected = createHmac("sha256", key).update(`${url}|`).update(body).digest();
  const received = Buffer.from(given ?? "", "hex");
  return received.length === expected.length && timingSafeEqual(received, expected);
}

function eventId(timestamp, body) {
  const id = Buffer.alloc(32);
  id.writeUInt32BE(timestamp, 0);
  createHash("sha256").update(body).digest().copy(id, 4, 0, 28);
  return id;
}

function parse(body) {
  try {
    const push = JSON.parse(body);
    return {
      code: push.code,
      shopId: push.shop_id === undefined ? null : String(push.shop_id),
      orderSn: push.data?.ordersn ?? push.data?.order_sn ?? null,
      timestamp: Number.isInteger(push.timestamp) && push.timestamp > 0 && push.timestamp < 2 ** 32 ? push.timestamp : 0,
    };
  } catch {
    return { code: null, shopId: null, orderSn: null, timestamp: 0 };
  }
}

function redacted(headers) {
  const { authorization, cookie, ...kept } = headers;
  return JSON.stringify(kept);
}

async function receivePush(request, response) {
  const { environment } = request.params;
  const key = await pushKeyOf(environment);
  if (!key) return response.status(404).end();
  if (!isSigned(key, PUBLIC_URL + request.path, request.body, request.get("authorization"))) {
    return response.status(401).end();
  }
  const push = parse(request.body);
  await pool.query({
    ...INSERT,
    values: [
      randomUUID(), environment, eventId(push.timestamp, request.body), request.body, redacted(request.headers),
      push.code, push.shopId, push.orderSn, push.timestamp ? new Date(push.timestamp * 1000) : null,
    ],
  });
  return response.status(200).end();
}

function observe(request, response, next) {
  const started = process.hrtime.bigint();
  const requestId = randomUUID();
  response.setHeader("X-Request-Id", requestId);
  response.on("finish", () => {
    const labels = `method="${request.method}",status="${response.statusCode}"`;
    requests.set(labels, (requests.get(labels) ?? 0) + 1);
    process.stdout.write(`${JSON.stringify({
      at: new Date().toISOString(), event: "access", request_id: requestId, method: request.method, path: request.path,
      status: response.statusCode, ms: Number(process.hrtime.bigint() - started) / 1e6,
    })}\n`);
  });
  next();
}

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.get("/readyz", async (_, response) => { await readPushKeys(); response.status(200).end(); });
app.get("/metrics", (_, response) => {
  response.type("text/plain").send([...requests].map(([labels, count]) => `http_requests_total{${labels}} ${count}\n`).join(""));
});
app.post("/connectors/shopee/webhook/:environment", observe, express.raw({ type: () => true, limit: "1mb" }), receivePush);
app.listen(Number(PORT), "127.0.0.1");
