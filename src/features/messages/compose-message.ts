// From a request to the text that is sent: its own or its template's, with variables parsed and characters replaced.
import { problem } from '../../errors.js'
import { type TenantDb } from '../../tenancy/tenant.js'
import { readTemplate } from '../templates/read-templates.js'
import { type ParsedText, parseText, renderText, type Values } from '../templates/variables.js'
import { countParts, mostParts, requireSendable, type TextParts } from './count-parts.js'
import { smartReplace } from './smart-replace.js'

export interface Written {
  text?: string
  templateId?: string
  smartReplace?: boolean
  mediaUrls?: readonly string[]
  mediaIds?: readonly string[]
}

export interface Composed {
  /** As it was written, variables and all. */
  text: string
  templateId: string | null
  smartReplace: boolean
  mediaUrls: readonly string[]
  /** Files of ours, whether they exist is not looked up here. */
  mediaIds: readonly string[]
}

/** A text of the request's own takes the place of the template's; so does its smartReplace.
 * @throws problem('TEMPLATE_NOT_FOUND'), 'VALIDATION_FAILED', 'TEXT_TOO_LONG' when it is so for everybody */
export async function composeMessage (db: TenantDb, written: Written): Promise<Composed> {
  const template = written.templateId === undefined ? undefined : await readTemplate(db, written.templateId)
  const composed = {
    text: written.text ?? template?.text ?? '',
    templateId: written.templateId ?? null,
    smartReplace: written.smartReplace ?? template?.smartReplace ?? false,
    mediaUrls: written.mediaUrls ?? [],
    mediaIds: written.mediaIds ?? []
  }
  const media = [...composed.mediaUrls, ...composed.mediaIds]
  if (composed.text.trim() === '' && media.length === 0) {
    throw problem('VALIDATION_FAILED', { errors: [{ path: '/body/text', message: 'is required, unless there are mediaUrls, mediaIds or a templateId' }] })
  }
  const rendering = readRendering(composed)
  requireSendable(rendering.render(nobody), media)
  return composed
}

const nobody: Values = { firstName: '', lastName: '', organization: '', branch: '', custom: {} }

export interface Rendering {
  parsed: ParsedText
  /** The text as one recipient gets it. */
  render: (values: Values) => string
}

export function readRendering ({ text, smartReplace: replacing }: Pick<Composed, 'text' | 'smartReplace'>): Rendering {
  const parsed = parseText(text)
  return { parsed, render: (values) => replacing ? smartReplace(renderText(parsed, values)) : renderText(parsed, values) }
}

/** Why a rendered text can't be sent to this one recipient, as their errorCode says it. */
export type Unsendable = 'text_too_long' | 'text_empty'

/** As `countParts`, and whether it can be sent; media make it one multimedia message, whatever the text. */
export function judgeText (text: string, mediaUrls: readonly string[]): TextParts & { unsendable: Unsendable | null } {
  const counted = countParts(text)
  if (counted.parts > mostParts) return { ...counted, unsendable: 'text_too_long' }
  if (mediaUrls.length > 0) return { ...counted, parts: 1, unsendable: null }
  return { ...counted, unsendable: text.trim() === '' ? 'text_empty' : null }
}
