// Cuts SQL text into its statements, minding strings, quoted names, dollar quotes and comments.

export interface SqlStatement {
  /** Without comments and without the semicolon at its end. */
  text: string
  /** Where it begins, counted from 1. */
  line: number
}

/** What must be passed over as one: a comment, a string, a quoted name, a body between dollar signs. */
const piece = /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[^]*?\$\1\$|[^]/y
const escapeString = /[eE]'(?:[^'\\]|''|\\[^])*'/y

/** Empty ones are left out. */
export function splitStatements (sql: string): SqlStatement[] {
  const statements: SqlStatement[] = []
  let [text, start] = ['', -1]
  const finish = (): void => {
    if (text.trim() !== '') statements.push({ text: text.trim(), line: sql.slice(0, start).split('\n').length })
    ;[text, start] = ['', -1]
  }
  for (let at = 0; at < sql.length;) {
    const next = pieceAt(sql, at, text)
    if (next === ';') finish()
    else if (next.startsWith('--') || next.startsWith('/*')) text += ' '
    else {
      if (start < 0 && next.trim() !== '') start = at
      text += next
    }
    at += next.length
  }
  finish()
  return statements
}

function pieceAt (sql: string, at: number, before: string): string {
  if (sql.startsWith('/*', at)) return sql.slice(at, endOfComment(sql, at))
  // The E of E'…' stands alone; that of a name such as "code'…'" does not occur.
  const kind = /\w$/.test(before) ? piece : pick(sql, at)
  kind.lastIndex = at
  return kind.exec(sql)?.[0] ?? sql.slice(at, at + 1)
}

function pick (sql: string, at: number): RegExp {
  escapeString.lastIndex = at
  return escapeString.test(sql) ? escapeString : piece
}

/** Comments of this kind may stand in one another. */
function endOfComment (sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    if (sql.startsWith('/*', at)) {
      depth++
      at++
    } else if (sql.startsWith('*/', at)) {
      depth--
      at++
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}
