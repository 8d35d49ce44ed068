// Every setting of the service: one schema of the environment.
import { type Static, Type } from 'typebox'

const text = (description: string, options = {}) => Type.String({ description, minLength: 1, ...options })
const count = (description: string, initial: number, minimum = 1, maximum = 1_000_000) =>
  Type.Integer({ description, default: initial, minimum, maximum })

/** The whole environment. `.env.example` is checked against it; descriptions are for the operator. */
export const settingsSchema = Type.Object({
  NODE_ENV: Type.Union([Type.Literal('development'), Type.Literal('test'), Type.Literal('production')], {
    description: 'In production no secret is made up: a missing one stops the start.', default: 'development'
  }),
  HOST: text('Address to listen on.', { default: '127.0.0.1' }),
  PORT: count('Port to listen on; 0 lets the system choose.', 3000, 0, 65_535),
  WORKER_PORT: Type.Optional(Type.Integer({ description: 'Port on HOST where koinonia worker answers /health and /metrics; without it nowhere.', minimum: 1, maximum: 65_535 })),
  PUBLIC_URL: Type.Optional(text('Where carriers and payment providers reach this service, without a slash at the end.', { pattern: '^https?://[^ ]*[^/ ]$' })),
  TRUST_PROXY: Type.Boolean({ description: 'Believe X-Forwarded-For: set it only behind a proxy of your own.', default: false }),
  CORS_ORIGINS: Type.String({ description: 'Origins of web pages that may call the API with cookies, separated by commas.', default: '' }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    description: 'The least level that is logged. Commands that answer and end log warnings unless it is set.', default: 'info'
  }),
  DATA_DIR: text('Folder of the embedded database, of made-up development secrets, of the sandbox, and of pictures and files unless there is a bucket.', { default: '.koinonia' }),
  REGISTRY_DATABASE_URL: Type.Optional(text('The central database. Without it an embedded PostgreSQL is started under DATA_DIR.', { pattern: '^postgres(ql)?://' })),
  TENANT_SERVERS: Type.Optional(text('Servers for tenant databases: name=administrator URL, separated by commas. Without it: the server of the registry, named primary.')),
  TENANT_POOLERS: Type.Optional(text('Poolers in front of those servers, PgBouncer with transaction pooling: name=host:port, separated by commas. Requests and jobs reach tenant databases through them, all else directly. The same for all processes.')),
  DATABASE_MAX_CONNECTIONS: count('Connections this process may hold to one database server, all tenants and the registry together, those to its pooler included.', 30, 10),
  DATABASE_SERVER_CONNECTIONS: Type.Optional(Type.Integer({
    description: 'Connections to one database server by all API and worker processes together, each of which takes an equal share, up to DATABASE_MAX_CONNECTIONS. Without it each takes DATABASE_MAX_CONNECTIONS. The same for all processes.', minimum: 20, maximum: 1_000_000
  })),
  DATABASE_REGISTRY_CONNECTIONS: count('How many of them are kept for the registry.', 6, 4),
  DATABASE_CONNECTIONS_PER_TENANT: count('How many of them one tenant may hold at a time.', 8),
  DATABASE_WAIT_MS: count('How long a request waits for a connection before it is answered 503, in milliseconds.', 5_000),
  DATABASE_CONNECT_TIMEOUT_MS: count('How long opening a connection may take, in milliseconds.', 5_000),
  DATABASE_STATEMENT_TIMEOUT_MS: count('How long one SQL statement may run, in milliseconds.', 30_000),
  CACHED_TENANTS: count('How many tenants\' pools are remembered; each costs about six kilobytes with all that is remembered of a tenant.', 10_000),
  TENANT_BEHIND: Type.Enum(['migrate', 'refuse'], {
    description: 'What a request meets whose organization\'s database is behind this code. migrate: it waits, as long as DATABASE_WAIT_MS, while that is migrated. refuse: 503 until koinonia migrate has done it.',
    default: 'migrate'
  }),
  SPARE_TENANTS: count('Databases kept ready on each server, so that signing up takes no time.', 1, 0, 1_000),
  JWT_SECRET: Type.Optional(text('Signs access tokens: at least 32 characters. openssl rand -base64 48', { minLength: 32 })),
  MASTER_KEY: Type.Optional(text('Encrypts fields and derives tenant passwords: 32 bytes in base64. openssl rand -base64 32', { pattern: '^[A-Za-z0-9+/]{43}=$' })),
  OPERATOR_TOKEN: Type.Optional(text('Bearer token for /metrics: at least 24 characters, without spaces.', { pattern: '^[\\x21-\\x7e]{24,}$' })),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(text('OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318. Without it there are none.', { pattern: '^https?://[^ ]+$' })),
  OTEL_EXPORTER_OTLP_HEADERS: Type.String({ description: 'Headers for it: name=value pairs, separated by commas, values percent-encoded.', default: '' }),
  OTEL_SERVICE_NAME: text('What this service is called in traces.', { default: 'koinonia' }),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ description: 'Share of requests and jobs that are traced, from 0 to 1.', default: 1, minimum: 0, maximum: 1 }),
  TELNYX_API_KEY: Type.Optional(text('Key of the carrier account. Without it a local sandbox carrier is used.')),
  TELNYX_PUBLIC_KEY: Type.Optional(text('Verifies the carrier\'s webhooks: 32 bytes in base64, from the carrier\'s portal.', { pattern: '^[A-Za-z0-9+/]{43}=$' })),
  TELNYX_BASE_URL: text('Where the carrier\'s API is.', { default: 'https://api.telnyx.com/v2', pattern: '^https?://' }),
  INBOUND_MEDIA_HOSTS: Type.String({ description: 'Hosts that pictures in inbound texts may be fetched from, with their subdomains, separated by commas. Without it: any.', default: '' }),
  INBOUND_MEDIA_PRIVATE: Type.Boolean({ description: 'Fetch them from private addresses too: for a sandbox on this machine only.', default: false }),
  S3_ENDPOINT: Type.Optional(text('Bucket for pictures and files instead of DATA_DIR: its service, such as https://s3.us-east-1.amazonaws.com.', { pattern: '^https?://[^ ]+$' })),
  S3_BUCKET: Type.Optional(text('Name of the bucket, which stays private.', { pattern: '^[A-Za-z0-9._-]+$' })),
  S3_REGION: text('Region of the bucket.', { default: 'us-east-1' }),
  S3_ACCESS_KEY_ID: Type.Optional(text('May list the bucket and its uploads under way, end these, and get, put and delete objects.')),
  S3_SECRET_ACCESS_KEY: Type.Optional(text('Secret of that key.')),
  BACKUP_DIR: Type.Optional(text('Folder for backups and archives of organizations, instead of the bucket or DATA_DIR/backups; shared by all machines.')),
  BACKUP_EVERY_HOURS: count('Workers back up every organization whose latest backup is so many hours old; 0: only koinonia tenants backup does.', 0, 0, 8_760),
  BACKUP_KEEP: count('How many backups of each organization these leave; archives always stay.', 14, 1, 10_000),
  SEND_CONCURRENCY: count('Texts on their way to the carrier at a time.', 64, 1, 1_000),
  SEND_TIMEOUT_MS: count('How long the carrier may take to answer before a text counts as unknown, in milliseconds.', 15_000),
  SEND_RECOVERY_MS: count('After this long without a result, texts that a worker had taken count as unknown, and what it left waiting is taken up by another, in milliseconds. More than twice SEND_TIMEOUT_MS.', 60_000),
  SEND_RATE_LONG_CODE: count('Parts a second from each ordinary number; 0: no limit.', 0, 0),
  SEND_RATE_TOLL_FREE: count('Parts a second from each toll-free number; 0: no limit.', 20, 0),
  SEND_RATE_CAMPAIGN_PER_MINUTE: count('Parts a minute of each organization\'s campaign, as AT&T limits it; 0: no limit.', 0, 0),
  SEND_RATE_BRAND_PER_DAY: count('Parts a day, from midnight Pacific, of each organization\'s brand, as T-Mobile limits it; 0: no limit.', 0, 0),
  SEND_RATE_ACCOUNT_SMS: Type.Optional(Type.Integer({
    description: 'Parts of texts a second of the whole carrier account, all processes together; 0: no limit. Without it 50, but 0 where the sandbox is the carrier.', minimum: 0, maximum: 1_000_000
  })),
  SEND_RATE_ACCOUNT_MMS: Type.Optional(Type.Integer({
    description: 'Picture messages a second of the whole carrier account, all processes together; 0: no limit. Without it 15, but 0 where the sandbox is the carrier.', minimum: 0, maximum: 1_000_000
  })),
  DEAD_LETTER_AFTER_HOURS: Type.Optional(Type.Integer({
    description: 'How long a text may be unknown before a person is asked to decide, in hours. Without it 24, but 0 where the sandbox is the carrier.', minimum: 0, maximum: 720
  })),
  PRICE_PER_PART_CENTS: Type.Optional(Type.Number({ description: 'What a message part costs, in cents, for previews; without it they name no cost.', minimum: 0 })),
  PRICE_PER_MMS_CENTS: Type.Optional(Type.Number({ description: 'What a multimedia message costs, in cents, for previews; without it they name no cost.', minimum: 0 })),
  QUIET_HOURS: Type.Optional(Type.Enum(['kept', 'ignored'], {
    description: 'kept: broadcasts wait for daytime at the recipient. ignored: they leave at any hour; never in production. Without it kept, but ignored where the sandbox is the carrier.'
  })),
  RECURRING_GRACE_MINUTES: count('How late the occurrence of a recurring message may still be made, such as after a time without any worker, in minutes; older ones are on record as missed.', 60, 0, 10_080),
  WORKER_CONCURRENCY: count('Background jobs running at a time, of as many organizations.', 4, 1, 100),
  WORKER_DRAIN_MS: count('How long running jobs may take to finish when the service stops, in milliseconds.', 10_000),
  TRIAL_DAYS: count('Length of the trial that a sign-up starts.', 14, 0, 365),
  ACCESS_TOKEN_SECONDS: count('How long an access token is good.', 900, 30, 86_400),
  REFRESH_TOKEN_DAYS: count('How long a refresh token is good.', 7, 1, 365),
  RATE_LIMIT_PER_MINUTE: count('Requests a minute of one signed-in caller.', 1_200),
  LOGIN_ATTEMPTS: count('Failed sign-ins from one address, and for one e-mail, before they are refused for LOGIN_WINDOW_SECONDS.', 10, 1, 1_000),
  LOGIN_WINDOW_SECONDS: count('Over how long failed sign-ins are counted.', 900, 1, 86_400),
  SIGN_UPS_PER_HOUR: count('Sign-ups an hour from one address.', 20),
  ARGON2_MEMORY_KIB: count('Memory of one password hash, in KiB.', 19_456, 8),
  ARGON2_TIME_COST: count('Passes of one password hash.', 2, 1, 100),
  ARGON2_PARALLELISM: count('Lanes of one password hash.', 1, 1, 64)
})

export type Settings = Static<typeof settingsSchema>
