// The page of phones: listens to the carrier, keeps the shelf of phones, adds and finds them.
/* global document, EventSource, localStorage, requestAnimationFrame */
import { Desk } from './desk.js'
import { readNumber, showNumber } from './format.js'
import { PhoneView } from './phone-view.js'

const shelfStep = 12
const storageKey = 'koinonia-sandbox-phones'

const find = (id) => document.getElementById(id)
const desk = new Desk()
const views = new Map()
/** Phones the tester put on the desk, kept over reloads. */
const added = new Set(JSON.parse(localStorage.getItem(storageKey) ?? '[]'))
let shelfSize = shelfStep
let frame

connect()
find('add-phone').addEventListener('submit', addPhone)
find('find-phone').addEventListener('submit', (event) => event.preventDefault())
find('find-number').addEventListener('input', draw)
find('more').addEventListener('click', () => {
  shelfSize += shelfStep
  draw()
})

function connect () {
  const feed = new EventSource('/sandbox/events')
  feed.addEventListener('open', () => showConnection(true))
  feed.addEventListener('error', () => showConnection(false))
  feed.addEventListener('snapshot', ({ data }) => {
    const snapshot = JSON.parse(data)
    desk.reset(snapshot)
    fillList(find('outcomes'), snapshot.outcomes.map(({ ending, says }) => `${ending} – ${says}`))
    showCounts(snapshot.counts)
    draw()
  })
  feed.addEventListener('texts', ({ data }) => {
    const { texts, counts } = JSON.parse(data)
    for (const { number, service, isNew } of desk.take(texts)) if (isNew) views.get(number)?.notice(service)
    showCounts(counts)
    draw()
    if (!desk.isFull) return
    feed.close()
    connect()
  })
}

/** Draws once a frame, however many events came. */
function draw () {
  frame ??= requestAnimationFrame(() => {
    frame = undefined
    drawShelf()
    drawNumbers()
  })
}

function drawShelf () {
  for (const number of added) desk.phone(number)
  const digits = find('find-number').value.replace(/\D/g, '')
  const matching = [...desk.phones.values()].filter(({ number }) => number.includes(digits))
  const latest = matching.toSorted((a, b) => Number(added.has(b.number)) - Number(added.has(a.number)) || b.lastAt.localeCompare(a.lastAt))
  const kept = new Set(latest.slice(0, shelfSize))
  // A phone in use stays where it is, and the others keep their order: nothing moves under one's hands.
  const shown = matching.filter((phone) => kept.has(phone) || views.get(phone.number)?.hasFocus).sort((a, b) => a.order - b.order)
  const numbers = new Set(shown.map(({ number }) => number))
  for (const [number, view] of views) {
    if (numbers.has(number)) continue
    view.element.remove()
    views.delete(number)
  }
  placeViews(shown)
  find('empty').hidden = desk.phones.size > 0
  find('none-found').hidden = desk.phones.size === 0 || matching.length > 0
  const left = matching.length - shown.length
  find('more').hidden = left <= 0
  find('more').textContent = `Show more phones (${left} not shown)`
}

function placeViews (shown) {
  let place = find('shelf').firstElementChild
  for (const { number } of shown) {
    let view = views.get(number)
    if (view === undefined) {
      view = new PhoneView(desk, number, { putAway: () => putAway(number) })
      views.set(number, view)
      find('shelf').insertBefore(view.element, place)
    } else if (view.element === place) place = place.nextElementSibling
    else find('shelf').insertBefore(view.element, place)
    view.update()
  }
}

function drawNumbers () {
  const labels = [...desk.numbers].slice(0, 200).map(([number, name]) => name ? `${name} · ${showNumber(number)}` : showNumber(number))
  find('no-numbers').hidden = labels.length > 0
  fillList(find('numbers'), labels)
}

/** Leaves the list alone when it already says so. */
function fillList (list, labels) {
  if (list.dataset.key === labels.join('|')) return
  list.dataset.key = labels.join('|')
  list.replaceChildren(...labels.map((label) => Object.assign(document.createElement('li'), { textContent: label })))
}

function addPhone (event) {
  event.preventDefault()
  const input = find('new-number')
  const number = readNumber(input.value)
  const isNumber = number !== null && !desk.numbers.has(number)
  find('add-error').textContent = isNumber ? '' : number === null ? 'Type ten digits, or + and a country code.' : 'That is a service number; a phone needs another.'
  input.setAttribute('aria-invalid', String(!isNumber))
  if (!isNumber) return input.focus()
  added.add(number)
  localStorage.setItem(storageKey, JSON.stringify([...added]))
  input.value = find('find-number').value = ''
  drawShelf()
  views.get(number)?.focusReply()
}

function putAway (number) {
  added.delete(number)
  localStorage.setItem(storageKey, JSON.stringify([...added]))
  desk.phones.delete(number)
  drawShelf()
  find('new-number').focus()
}

function showConnection (live) {
  find('connection').textContent = live ? 'Live' : 'Reconnecting…'
  find('connection').classList.toggle('live', live)
}

function showCounts ({ accepted, inbound, duplicates }) {
  find('count-accepted').textContent = accepted.toLocaleString()
  find('count-inbound').textContent = inbound.toLocaleString()
  find('count-duplicates').textContent = duplicates.toLocaleString()
  find('count-duplicates').parentElement.classList.toggle('alarm', duplicates > 0)
}
