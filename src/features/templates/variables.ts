// Texts with variables: {{firstName}}, {{custom.pew}}, with a fallback {{firstName|friend}}; \{{ stands for two braces.
import { problem } from '../../errors.js'

const named = ['firstName', 'lastName', 'fullName', 'organization', 'branch'] as const

export const knownVariables = [...named.map((name) => `{{${name}}}`), '{{custom.<key>}}'].join(', ')

export interface Variable {
  name: typeof named[number] | 'custom'
  /** Of a custom field; otherwise empty. */
  key: string
  /** Stands in where there is no value. */
  fallback: string
}

export interface ParsedText {
  pieces: ReadonlyArray<string | Variable>
  variables: readonly Variable[]
}

/** What variables may say of one recipient. */
export interface Values {
  firstName: string
  lastName: string
  organization: string
  /** Empty: in no branch. */
  branch: string
  custom: Readonly<Record<string, unknown>>
}

const longestKey = 100
/** More than any text may have: what is cut off could not have been sent. */
const longestValue = 2_000

/** @throws problem('VALIDATION_FAILED') for an unknown variable, naming the known ones, and for braces that never close; `path` is where the text was */
export function parseText (text: string, path = '/body/text'): ParsedText {
  const pieces: Array<string | Variable> = []
  let from = 0
  for (const match of text.matchAll(/\\\{\{|\{\{([^{}]*)\}\}|\{\{/g)) {
    pieces.push(text.slice(from, match.index))
    pieces.push(match[0] === '\\{{' ? '{{' : parseVariable(match[1], match.index, path))
    from = match.index + match[0].length
  }
  pieces.push(text.slice(from))
  return { pieces: joinTexts(pieces), variables: pieces.filter((piece) => typeof piece !== 'string') }
}

/** A value of nothing but space counts as none. */
export function renderText ({ pieces }: ParsedText, values: Values): string {
  let text = ''
  for (const piece of pieces) text += typeof piece === 'string' ? piece : valueOf(piece, values) || piece.fallback
  return text
}

/** What the variable alone says of this recipient; empty when there is nothing to say. */
export function valueOf ({ name, key }: Variable, values: Values): string {
  switch (name) {
    case 'firstName': return values.firstName.trim()
    case 'lastName': return values.lastName.trim()
    case 'fullName': return `${values.firstName.trim()} ${values.lastName.trim()}`.trim()
    case 'organization': return values.organization
    case 'branch': return values.branch
    case 'custom': return customText(Object.hasOwn(values.custom, key) ? values.custom[key] : null)
  }
}

/** As it is written in a text, without its fallback. */
export function nameOf ({ name, key }: Variable): string {
  return name === 'custom' ? `custom.${key}` : name
}

function customText (value: unknown): string {
  switch (typeof value) {
    case 'string': return value.slice(0, longestValue).trim()
    case 'number': case 'boolean': return String(value)
    default: return ''
  }
}

function parseVariable (inside: string | undefined, at: number, path: string): Variable {
  if (inside === undefined) throw refused(path, `the {{ at character ${at + 1} is never closed by }}; for two braces as such write \\{{`)
  const bar = inside.indexOf('|')
  const asked = (bar < 0 ? inside : inside.slice(0, bar)).trim()
  const fallback = bar < 0 ? '' : inside.slice(bar + 1).trim()
  const name = named.find((one) => one === asked)
  if (name !== undefined) return { name, key: '', fallback }
  const key = asked.startsWith('custom.') ? asked.slice('custom.'.length).trim() : ''
  if (key === '' || key.length > longestKey) throw refused(path, `{{${asked}}} is not a variable; known are ${knownVariables}`)
  return { name: 'custom', key, fallback }
}

function joinTexts (pieces: ReadonlyArray<string | Variable>): Array<string | Variable> {
  const joined: Array<string | Variable> = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') joined[joined.length - 1] = last + piece
    else if (piece !== '') joined.push(piece)
  }
  return joined
}

function refused (path: string, message: string) {
  return problem('VALIDATION_FAILED', { detail: `The text can't be sent: ${message}.`, errors: [{ path, message }] })
}
