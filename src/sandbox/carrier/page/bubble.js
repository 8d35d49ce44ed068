// One text as a bubble with its time and delivery mark.
/* global document */
import { showTime } from './format.js'
import { updateMedia } from './media.js'

/** Ticks as SVG paths: one for handed on, two for arrived. */
const ticks = {
  queued: 'M7 1.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10M7 4v2.8l1.8 1',
  sent: 'M4 6.5l3.2 3.2L13 3.8',
  delivered: 'M1 6.5l3.2 3.2L10 3.8M8.5 9.3l.4.4L15 3.8'
}

/** A mark says the same to the eye (ticks, colour) and to the ear (words). */
const marks = {
  outbound: {
    queued: { tick: 'queued', words: 'On its way' },
    sent: { tick: 'sent', words: 'Sent' },
    delivered: { tick: 'delivered', words: 'Delivered' },
    sending_failed: { why: 'Not sent' },
    delivery_failed: { why: 'Not delivered' },
    delivery_unconfirmed: { why: 'Delivery not confirmed' }
  },
  inbound: {
    queued: { tick: 'sent', words: 'Sent to the service' },
    delivered: { tick: 'delivered', words: 'The service has it' },
    delivery_failed: { why: 'The service’s webhook did not take it' }
  }
}

export function makeBubble (text) {
  const item = document.createElement('li')
  if (text.direction === 'inbound') item.classList.add('own')
  const bubble = document.createElement('div')
  bubble.className = 'bubble'
  const who = document.createElement('span')
  who.className = 'visually-hidden'
  who.textContent = text.direction === 'inbound' ? 'This phone: ' : 'Service: '
  const media = document.createElement('div')
  media.className = 'media'
  bubble.append(who, media, text.text)
  const mark = document.createElement('div')
  mark.className = 'mark'
  item.append(bubble, mark)
  updateBubble(item, text)
  return item
}

/** Brings a bubble up to date; nothing is touched when it is already. */
export function updateBubble (item, text) {
  updateMedia(item.querySelector('.media'), text)
  updateMark(item, text)
}

function updateMark (item, text) {
  if (item.dataset.status === text.status) return
  item.dataset.status = text.status
  const { tick, words, why } = marks[text.direction][text.status] ?? { why: text.status }
  item.classList.toggle('failed', why !== undefined)
  const when = document.createElement('time')
  when.dateTime = text.createdAt
  when.textContent = showTime(text.createdAt)
  const parts = text.parts > 1 ? [` · ${text.parts} parts`] : []
  item.querySelector('.mark').replaceChildren(when, ...parts, why === undefined ? tickMark(tick, words) : whyMark(why, text.error))
}

function tickMark (tick, words) {
  const mark = document.createElement('span')
  mark.className = tick
  mark.title = words
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 16 13')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  const stroke = { d: ticks[tick], fill: 'none', stroke: 'currentColor', 'stroke-width': '1.7', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }
  for (const [name, value] of Object.entries(stroke)) path.setAttribute(name, value)
  svg.append(path)
  const spoken = document.createElement('span')
  spoken.className = 'visually-hidden'
  spoken.textContent = words
  mark.append(svg, spoken)
  return mark
}

function whyMark (why, error) {
  const mark = document.createElement('span')
  mark.className = 'why'
  mark.textContent = error === null ? why : `${why}: ${error.title} (${error.code})`
  return mark
}
