// The rules by which one SQL statement counts as unsafe on a table that is large and in use.

export type Rule = 'index-blocks-writes' | 'concurrently-in-transaction' | 'not-null-without-default' | 'rewrites-table' | 'scans-under-lock' |
  'whole-table-update' | 'blocking-lock' | 'breaks-running-code'

/** Lower case, unquoted: enough to tell whether two statements mean one table. */
const name = String.raw`(?:only\s+)?(?:public\.)?"?([a-z_][\w$]*)"?`
const targets = [
  { pattern: new RegExp(`^create\\s+(?:unlogged\\s+|temp\\s+|temporary\\s+)?table\\s+(?:if\\s+not\\s+exists\\s+)?${name}`, 'i'), creates: true },
  { pattern: new RegExp(`^alter\\s+table\\s+(?:if\\s+exists\\s+)?${name}`, 'i'), creates: false },
  { pattern: new RegExp(`^create\\s+(?:unique\\s+)?index\\b[^]*?\\son\\s+${name}`, 'i'), creates: false },
  { pattern: new RegExp(`^update\\s+${name}`, 'i'), creates: false },
  { pattern: new RegExp(`^delete\\s+from\\s+${name}`, 'i'), creates: false }
]

/** The table that a statement makes or is about. */
export function readTarget (statement: string): { table: string, creates: boolean } | undefined {
  for (const { pattern, creates } of targets) {
    const table = pattern.exec(statement)?.[1]
    if (table !== undefined) return { table: table.toLowerCase(), creates }
  }
  return undefined
}

/** Defaults that PostgreSQL can't note once for all rows: each row gets a value of its own. */
const volatile = /\b(?:gen_random_uuid|uuidv4|uuidv7|random|clock_timestamp|timeofday|nextval|\w*serial)\b|\bgenerated\s+(?:always|by\s+default)\s+as\b/i

export function rulesBroken (statement: string, transactional: boolean): Rule[] {
  // What stands in strings is no SQL; bodies of functions and DO are not looked into.
  const text = statement.replace(/'(?:[^']|'')*'/g, "''").replace(/\$(\w*)\$[^]*?\$\1\$/g, "''").replace(/\s+/g, ' ')
  const rules = /^alter table\b/i.test(text) ? ofAlterTable(text) : ofStatement(text)
  if (transactional && /^(?:create|drop|reindex|alter|refresh)\b.*\bconcurrently\b/i.test(text)) rules.push('concurrently-in-transaction')
  return [...new Set(rules)]
}

function ofStatement (text: string): Rule[] {
  if (/^create (?:unique )?index (?!concurrently\b)/i.test(text)) return ['index-blocks-writes']
  if (/^reindex\b(?!.*\bconcurrently\b)|^lock\b|^cluster\b|^vacuum full\b|^refresh materialized view (?!concurrently\b)|^truncate\b/i.test(text)) return ['blocking-lock']
  if (/^drop (?:table|view|materialized view|function|type)\b|^alter (?:type|view)\b.*\brename\b/i.test(text)) return ['breaks-running-code']
  if (/^(?:update|delete from)\b(?!.*\bwhere\b)/i.test(withoutBrackets(text))) return ['whole-table-update']
  return []
}

function ofAlterTable (text: string): Rule[] {
  const actions = splitActions(text.replace(/^alter table (?:if exists )?(?:only )?\S+ /i, ''))
  return actions.flatMap((action) => /^add (?!column\b)(?:constraint|check|foreign|primary|unique|exclude|not null)\b/i.test(action)
    ? ofConstraint(action)
    : /^add\b/i.test(action) ? ofNewColumn(action) : ofChange(action))
}

function ofConstraint (action: string): Rule[] {
  return /\bnot valid\b|\busing index\b/i.test(action) ? [] : ['scans-under-lock']
}

function ofNewColumn (action: string): Rule[] {
  const hasDefault = /\bdefault\b/i.test(action.replace(/\bby default\b/i, ''))
  if (volatile.test(action) && (hasDefault || /serial\b|\bgenerated\b/i.test(action))) return ['rewrites-table']
  const rules: Rule[] = []
  if (/\bnot null\b/i.test(action) && !hasDefault) rules.push('not-null-without-default')
  if (/\bcheck ?\(|\bunique\b|\bprimary key\b/i.test(action) || (hasDefault && /\breferences\b/i.test(action))) rules.push('scans-under-lock')
  return rules
}

function ofChange (action: string): Rule[] {
  if (/^alter (?:column )?\S+ (?:set data )?type\b|^set (?:logged|unlogged|tablespace|access method)\b|^alter (?:column )?\S+ (?:set|add) (?:expression|generated)\b/i.test(action)) return ['rewrites-table']
  if (/^alter (?:column )?\S+ set not null\b/i.test(action)) return ['scans-under-lock']
  if (/^(?:drop (?:column )?(?!constraint\b)|rename\b)/i.test(action)) return ['breaks-running-code']
  return []
}

/** A WHERE in brackets chooses the rows of another query. */
function withoutBrackets (text: string): string {
  const shorter = text.replace(/\([^()]*\)/g, '')
  return shorter === text ? text : withoutBrackets(shorter)
}

/** At the commas that stand in no brackets. */
function splitActions (list: string): string[] {
  const actions: string[] = []
  let [action, depth] = ['', 0]
  for (const character of list) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === ',' && depth === 0) {
      actions.push(action.trim())
      action = ''
    } else {
      action += character
    }
  }
  return [...actions, action.trim()]
}
