// What of an organization's database goes into a staging copy, and in which form: every column is named, so that a new one is decided about.

/** Columns left as they are, and expressions for those that are not. `where`: which rows of the table, named t, go along. */
export interface CopiedTable { keep: string, change?: Readonly<Record<string, string>>, where?: string }

export type CloneRule = 'empty' | CopiedTable

/** Numbers of a country code that is given to no country (ITU-T E.164): no carrier can route them. */
export const neutralPhone = (place: number): string => `+999${String(place).padStart(9, '0')}`
/** For whatever is not a person's. */
const nobody = neutralPhone(0)

const email = '[^[:space:]@<>",;:()\\\\]+@[^[:space:]@<>",;:()\\\\]+\\.[^[:space:]@<>",;:()\\\\]+'
/** Seven digits or more, however they are set apart. */
const digits = '\\+?[0-9]([ ().-]*[0-9]){6,}'

const replace = (text: string, pattern: string, by: string): string => `regexp_replace(${text}, '${pattern}', '${by}', 'g')`

/** Words that may name an address or a number. `most`: the characters that the column takes. */
const words = (column: string, most = 100_000): string => `left(${replace(replace(`t.${column}`, email, 'someone@example.invalid'), digits, nobody)}, ${most})`
/** JSON of ours, whose ids have digits too: numbers count from their plus sign on. */
const json = (column: string): string => `${replace(replace(`t.${column}::text`, email, 'someone@example.invalid'), '\\+[1-9][0-9]{6,14}', nobody)}::jsonb`
/** Fields of the organization's own: whatever its members wrote there. */
const custom = `(SELECT coalesce(jsonb_object_agg(f.key, CASE jsonb_typeof(f.value)
  WHEN 'string' THEN to_jsonb(${words('text').replaceAll('t.text', '(f.value #>> \'{}\')')})
  WHEN 'number' THEN CASE WHEN f.value::text ~ '[0-9]{7}' THEN '0'::jsonb ELSE f.value END
  WHEN 'boolean' THEN f.value ELSE 'null'::jsonb END), '{}') FROM jsonb_each(t.custom) f)`

/** From the temporary table of the numbers that were made up. */
const phone = (form: 'new_hash' | 'new_cipher', column: string): string => `(SELECT p.${form} FROM pg_temp.clone_phones p WHERE p.old_hash = t.${column})`

const lastWordIsNo = `t.action <> 'granted' AND NOT EXISTS (
  SELECT FROM public.consent_logs l WHERE l.phone_hash = t.phone_hash AND l.topic = t.topic AND l.id > t.id AND l.action = 'granted')`

/** Where hashes of phone numbers stand that go along. */
export const phoneColumns: ReadonlyArray<readonly [table: string, column: string]> = [
  ['members', 'phone_hash'], ['consent_logs', 'phone_hash'], ['message_recipients', 'phone_hash'], ['conversations', 'address_hash'], ['welcomed_numbers', 'phone_hash']
]

export const cloneRules: Readonly<Record<string, CloneRule>> = {
  pgmigrations: { keep: 'id name run_on' },
  // People of the original, and what they did.
  admins: 'empty',
  sessions: 'empty',
  audit_log: 'empty',
  idempotency_keys: 'empty',
  events: 'empty',
  // What would leave, now or later, and from where.
  message_queue: 'empty',
  recurring_messages: 'empty',
  recurring_occurrences: 'empty',
  phone_numbers: 'empty',
  send_buckets: 'empty',
  dead_letter_queue: 'empty',
  // Files stay with the original.
  media_files: 'empty',
  member_imports: 'empty',
  member_import_rows: 'empty',
  conversation_reactions: 'empty',
  branches: { keep: 'id time_zone is_active created_at updated_at', change: { name: words('name', 100), address: words('address') } },
  tags: { keep: 'id name created_at' },
  topics: { keep: 'name created_at' },
  member_tags: { keep: 'member_id tag_id created_at' },
  member_branches: { keep: 'member_id branch_id created_at' },
  quiet_hours: { keep: 'only_row opens closes created_at updated_at' },
  members: {
    keep: 'id birthday time_zone preferred_channel deleted_at created_at updated_at',
    change: {
      first_name: words('first_name', 100),
      last_name: words('last_name', 100),
      phone_cipher: phone('new_cipher', 'phone_hash'),
      phone_hash: phone('new_hash', 'phone_hash'),
      email: 'CASE WHEN t.email IS NOT NULL THEN \'member-\' || t.id || \'@example.invalid\' END',
      opt_in_state: 'CASE t.opt_in_state WHEN \'opted_out\' THEN \'opted_out\' ELSE \'pending\' END',
      custom,
      external_source: 'NULL',
      external_id: 'NULL',
      phone_zone: 'NULL',
      phone_region: 'NULL'
    }
  },
  consent_logs: {
    keep: 'id member_id topic action source created_at',
    change: { phone_hash: phone('new_hash', 'phone_hash'), evidence: '\'{"note": "Taken over into a copy of the organization."}\'::jsonb' },
    where: lastWordIsNo
  },
  segments: { keep: 'id name created_at updated_at', change: { filter: json('filter') } },
  keywords: { keep: 'id word action tag_id created_at updated_at', change: { reply_text: words('reply_text', 480) } },
  messaging_settings: { keep: 'only_row country created_at updated_at', change: { welcome_enabled: 'false', welcome_text: words('welcome_text', 480), help_text: words('help_text', 480) } },
  message_templates: { keep: 'id name category smart_replace is_default use_count created_at updated_at', change: { text: words('text') } },
  messages: {
    keep: 'id kind send_at smart_replace template_id error_code retry_of send_before local_date local_time topic created_at updated_at',
    change: {
      text: `CASE t.text WHEN '' THEN '(a file)' ELSE ${words('text')} END`,
      media_urls: '\'{}\'',
      media_ids: '\'{}\'',
      audience: json('audience'),
      from_number: `'${nobody}'`,
      status: 'CASE WHEN t.status IN (\'draft\', \'sent\', \'failed\') THEN t.status ELSE \'cancelled\' END',
      paused_from: 'NULL',
      created_by: 'NULL',
      resends: 'NULL',
      recurring_message_id: 'NULL',
      occurrence: 'NULL'
    }
  },
  message_recipients: {
    keep: 'message_id member_id parts encoding error_code sent_at delivered_at failed_at price_cents retried_in created_at updated_at',
    change: {
      phone_hash: phone('new_hash', 'phone_hash'),
      phone_cipher: phone('new_cipher', 'phone_hash'),
      rendered_text: words('rendered_text'),
      status: 'CASE WHEN t.status IN (\'queued\', \'sending\', \'unknown\') THEN \'cancelled\' ELSE t.status END',
      provider_message_id: 'NULL',
      error_detail: 'NULL'
    }
  },
  conversations: {
    keep: 'id member_id channel status unread_count needs_attention last_message_at last_inbound_at snoozed_until created_at updated_at',
    change: {
      address_hash: phone('new_hash', 'address_hash'),
      address_cipher: phone('new_cipher', 'address_hash'),
      our_number: `'${nobody}'`,
      assigned_admin_id: 'NULL',
      last_message_preview: words('last_message_preview'),
      metadata: '\'{}\'::jsonb'
    }
  },
  conversation_messages: {
    keep: 'id conversation_id direction channel message_id reply_to_id keyword sent_at created_at',
    change: { text: words('text'), media: '\'[]\'::jsonb', provider_message_id: 'NULL', sent_by: 'NULL' }
  },
  welcomed_numbers: { keep: 'message_id created_at', change: { phone_hash: phone('new_hash', 'phone_hash') } }
}
