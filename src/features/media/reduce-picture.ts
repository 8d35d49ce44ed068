// Encodes a picture anew so that it fits into a text message: upright, without where and when it was taken, in a type every phone shows.
import sharp, { type Sharp } from 'sharp'
import { problem } from '../../errors.js'
import { Turns } from '../../tenancy/turns.js'
import { safeInMessage } from './limits.js'

export interface ReducedPicture { content: Buffer, contentType: string, width: number, height: number }

/** A small file can unfold into any number of pixels, four bytes each. All frames of an animation count. */
const mostPixels = 50_000_000
const longestSeconds = 20

/** Longest side in pixels, and quality of a JPEG: the first that fits is taken. */
const stills = [[1600, 80], [1280, 75], [1024, 70], [800, 65], [640, 60], [480, 50]] as const
const animation = { side: 480, leastSide: 120, attempts: 3 } as const

// Of the whole process, because what it protects is the process's memory: so many pictures are unfolded at a time.
const atWork = new Turns({ atOnce: 2, longestLine: 64 })
sharp.cache(false)
sharp.concurrency(1)

/**
 * The first frame of an animated PNG; GIFs and animated WebP stay animated, as GIF.
 * @throws problem('MEDIA_UNREADABLE'), 'MEDIA_TOO_LARGE' for an animation that can't be made small enough, 'MEDIA_BUSY'
 */
export async function reducePicture (path: string, type: string): Promise<ReducedPicture> {
  const reduced = await atWork.take(async () => await reduce(path, type))
  if (reduced === undefined) throw problem('MEDIA_BUSY', { retryAfter: 5 })
  return reduced
}

async function reduce (path: string, type: string): Promise<ReducedPicture> {
  const { pages = 1 } = await readable(() => open(path).metadata())
  if (pages > 1) return await reduceAnimation(path)
  const upright = (side: number): Sharp => fit(open(path).autoOrient(), side)
  const asJpeg = stills.map(([side, quality]) => () => upright(side).flatten({ background: '#ffffff' }).jpeg({ quality }))
  // Drawings and screenshots are small as PNG, and sharper; a photograph hardly ever fits and goes on as JPEG.
  const asPng = type === 'image/jpeg' ? [] : [() => upright(stills[0][0]).png({ compressionLevel: 7 })]
  for (const attempt of [...asPng, ...asJpeg]) {
    const made = await encode(attempt)
    if (made.content.length <= safeInMessage) return made
  }
  throw stillTooLarge('picture')
}

/** Each attempt costs much, so the next size is worked out from what the last one came to. */
async function reduceAnimation (path: string): Promise<ReducedPicture> {
  let side: number = animation.side
  for (let attempt = 0; attempt < animation.attempts && side >= animation.leastSide; attempt++) {
    const made = await encode(() => fit(open(path, true), side).gif({ effort: 1, dither: 0 }))
    if (made.content.length <= safeInMessage) return made
    side = Math.floor(Math.min(side, Math.max(made.width, made.height)) * Math.sqrt(safeInMessage / made.content.length) * 0.9)
  }
  throw stillTooLarge('animation')
}

/** Metadata are left out by default: position, time, camera, thumbnails, comments. */
function open (path: string, animated = false): Sharp {
  return sharp(path, { limitInputPixels: mostPixels, failOn: 'error', animated }).timeout({ seconds: longestSeconds })
}

function fit (picture: Sharp, side: number): Sharp {
  return picture.resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
}

async function encode (make: () => Sharp): Promise<ReducedPicture> {
  const { data: content, info } = await readable(() => make().toBuffer({ resolveWithObject: true }))
  return { content, contentType: `image/${info.format}`, width: info.width, height: info.pageHeight ?? info.height }
}

function stillTooLarge (what: string): Error {
  return problem('MEDIA_TOO_LARGE', { detail: `The ${what} stays larger than ${safeInMessage / 1_000} KB however small it is made. Shorten it, or choose another.` })
}

async function readable<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // Sharp has no code for it.
    const isTooMany = error instanceof Error && error.message.includes('pixel limit')
    throw problem('MEDIA_UNREADABLE', { cause: error, ...(isTooMany ? { detail: `The picture has more than ${mostPixels / 1_000_000} million pixels in all. Make it smaller and upload it again.` } : {}) })
  }
}
