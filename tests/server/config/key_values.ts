/**
 * Values that keys of the configuration take, for tests that set every key.
 */

/** What a table of a list is when only that is said which it must say. */
export const POLICY_DEFAULTS: Readonly<Record<string, Record<string, unknown>>> = {
  keep: { max_events: 0, max_age_ms: 0, max_bytes: 0, forget_after_ms: 0 },
  queue: {
    bind: [],
    lease_ms: 30_000,
    max_deliveries: 10,
    backoff_min_ms: 1000,
    backoff_max_ms: 300_000,
    max_jobs: 5_000_000,
    max_bytes: 8_589_934_592,
    when_full: "refuse",
    deliver_to: "",
    deliver_secret: [],
    deliver_at_once: 4,
    ordered: false,
  },
  types: { topics: [], queues: [], methods: [], check: "reject" },
  users: { password: "", roles: [], disabled: false, tokens: [] },
};

/** The fields that name a table of a list, if not `name`. */
export const POLICY_NAMES: Readonly<Record<string, string>> = { keep: "pattern", types: "type" };

/** What lists take that take no addresses. */
export const LIST_ITEMS: Readonly<Record<string, string>> = {
  "cluster.servers": "nats://localhost:4222",
  "webhooks.allow_addresses": "10.0.0.0/8",
  "tls.identities": "DNS:worker.example.com=worker",
  "auth.jwt.algorithms": "ES256",
  "drain.hint": "parleys://other.example.com",
  "listen.unix": "a.sock",
  "listen.hosts": "parley.example.com",
  "listen.origins": "https://app.example.com",
  "listen.allow_addresses": "10.0.0.0/8",
  "listen.deny_addresses": "2001:db8::/32",
  "listen.proxy_protocol": "127.0.0.1",
};

/** What keys of TLS need beside them. */
export const COMPANY: Record<string, string> = {
  "listen.tls": "[tls]\ndev = true",
  "tls.certificate": '[tls]\nkey = "k"',
  "tls.key": '[tls]\ncertificate = "c"',
  "tls.http": "[tls]\ndev = true",
  "tls.client_certificates": '[tls]\nclient_ca = "a"',
  "tls.client_ca": '[tls]\nclient_certificates = "optional"',
  "auth.guest_role": '[roles.somewhere]\n[[users]]\nname = "ada"',
  "auth.callout": '[[users]]\nname = "ada"',
  "auth.jwt.public_keys": '[auth.jwt]\naudience = "a"',
  "auth.jwt.jwks_file": '[auth.jwt]\naudience = "a"',
  "auth.jwt.jwks_url": '[auth.jwt]\naudience = "a"',
  "auth.jwt.jwks_ca": '[auth.jwt]\naudience = "a"\njwks_url = "https://a"',
  "auth.jwt.algorithms": '[auth.jwt]\nsecret_file = "a"',
  "auth.jwt.issuer": '[auth.jwt]\nsecret_file = "a"',
  "auth.jwt.audience": '[auth.jwt]\nsecret_file = "a"',
  "auth.jwt.permissions_claim": '[auth.jwt]\nsecret_file = "a"',
  "auth.jwt.roles": '[auth.jwt]\nsecret_file = "a"\n[roles."localhost:1"]',
  "cluster.servers": 'data = ""',
  "cluster.user": '[cluster]\npassword_file = "p"',
  "cluster.password_file": '[cluster]\nuser = "u"',
  "cluster.certificate_file": '[cluster]\nkey_file = "k"',
  "cluster.key_file": '[cluster]\ncertificate_file = "c"',
  "tls.identities": '[tls]\nclient_certificates = "optional"\nclient_ca = "a"',
};

/** What a text may be that is not any. */
export const TEXTS: Readonly<Record<string, string>> = {
  "auth.callout": "acme.Auth/Check",
  "auth.jwt.jwks_url": "https://login/keys",
};
