// What a text carries: pictures as pictures, anything else as a link with its name.
/* global document */
import { showSize } from './format.js'

/** What every browser draws. */
const pictures = /^image\/(jpeg|png|apng|gif|webp|avif|bmp)$/
/** Pixels that a picture fits in, on the screen of a phone. */
const widest = 220
const tallest = 260

/** Brings the files of a bubble up to date: at first they are on their way, then the carrier has them. */
export function updateMedia (holder, { direction, media }) {
  const key = media.map(({ url, path }) => path ?? url).join(' ')
  if (holder.dataset.key === key) return
  holder.dataset.key = key
  holder.replaceChildren(...media.map((file, index) => pictures.test(file.type ?? '') ? picture(file, altOf(file, index, direction, media.length)) : fileLink(file)))
}

function altOf ({ name }, index, direction, count) {
  const which = count > 1 ? `Picture ${index + 1} of ${count}` : 'Picture'
  return `${which} from ${direction === 'inbound' ? 'this phone' : 'the service'}${name === null ? '' : `: ${name}`}`
}

function picture ({ path, width, height }, alt) {
  const image = document.createElement('img')
  image.loading = 'lazy'
  image.alt = alt
  // Its place is kept before it is there: nothing jumps.
  const scale = width === null ? 0 : Math.min(1, widest / width, tallest / height)
  image.width = scale === 0 ? widest : Math.max(1, Math.round(width * scale))
  if (scale > 0) image.height = Math.max(1, Math.round(height * scale))
  image.addEventListener('error', () => image.replaceWith(`${alt} (cannot be shown)`))
  image.src = path
  const link = linkTo(path)
  link.append(image)
  return link
}

function fileLink ({ url, path, type, size, name }) {
  const link = linkTo(path ?? url)
  link.className = 'file'
  const shown = name ?? (path === null ? url.slice(url.lastIndexOf('/') + 1) || url : type)
  link.textContent = size === null ? `File: ${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}` : `File: ${shown}, ${showSize(size)}`
  if (path !== null) link.download = name ?? ''
  return link
}

function linkTo (address) {
  const link = document.createElement('a')
  link.href = address
  link.target = '_blank'
  link.rel = 'noreferrer noopener'
  return link
}
