// What carriers take: sizes and types. Sizes in bytes; https://developers.telnyx.com/docs/messaging/messages/mms-transcoding

/** Of one message in all. Beyond it every carrier refuses some or all. */
export const mostInMessage = 1_000_000
/** Arrives everywhere, from toll-free numbers too: what pictures are made to fit. */
export const safeInMessage = 600_000
/** Of a picture as it is uploaded, or of anything that comes in. */
export const mostReceived = 25 * 1024 * 1024
/** URLs and files of one message together. */
export const mostMedia = 10

/** Pictures and animations are decoded and encoded anew; everything else goes out as it came. */
const kinds: Record<string, 'picture' | 'video' | 'audio' | 'document' | undefined> = {
  'image/jpeg': 'picture',
  'image/png': 'picture',
  'image/apng': 'picture',
  'image/gif': 'picture',
  'image/webp': 'picture',
  'video/mp4': 'video',
  'video/3gpp': 'video',
  'video/quicktime': 'video',
  'audio/mpeg': 'audio',
  'audio/wav': 'audio',
  'audio/amr': 'audio',
  'audio/ogg': 'audio',
  'audio/x-m4a': 'audio',
  'text/vcard': 'document',
  'text/calendar': 'document',
  'application/pdf': 'document'
}

export type MediaKind = NonNullable<typeof kinds[string]>

/** Undefined for what carriers do not take. `type` as `sniffType` gives it. */
export function kindOf (type: string): MediaKind | undefined {
  return kinds[type]
}

/** Whether a browser may show it in a page: nothing that could hold a script. */
export function isShownInline (type: string): boolean {
  const kind = kindOf(type)
  return kind !== undefined && kind !== 'document'
}
