// The next window: law, state, the organization's own hours, and clocks that change.
import t from 'tap'
import { nextWindow, ownHoursFault, type Place } from '../../../src/features/quiet-hours/windows.js'
import { toInstant, toWallTime } from '../../../src/wall-time.js'

const nashville: Place = { timeZone: 'America/Chicago', region: 'TN' }

function windowAt (wall: string, place: Place = nashville, own: Parameters<typeof nextWindow>[2] = null): string {
  const [date = '', time = ''] = wall.split(' ')
  const { opens, closes } = nextWindow(toInstant({ date, time }, place.timeZone), place, own)
  const [from, to] = [toWallTime(opens, place.timeZone), toWallTime(closes, place.timeZone)]
  return `${from.date} ${from.time} to ${to.date === from.date ? '' : `${to.date} `}${to.time}`
}

void t.test('from eight to nine in the evening; before it today\'s window, after it tomorrow\'s', async (t) => {
  t.equal(windowAt('2026-03-02 07:59'), '2026-03-02 08:00 to 21:00')
  t.equal(windowAt('2026-03-02 08:00'), '2026-03-02 08:00 to 21:00')
  t.equal(windowAt('2026-03-02 20:59'), '2026-03-02 08:00 to 21:00')
  t.equal(windowAt('2026-03-02 21:00'), '2026-03-03 08:00 to 21:00')
  t.equal(windowAt('2026-12-31 23:30'), '2027-01-01 08:00 to 21:00')
})

void t.test('narrower states, and Sunday in Texas', async (t) => {
  for (const region of ['FL', 'MD', 'OK']) t.equal(windowAt('2026-03-02 20:00', { timeZone: 'America/New_York', region }), '2026-03-03 08:00 to 20:00', region)
  const texas = { timeZone: 'America/Chicago', region: 'TX' }
  t.equal(windowAt('2026-03-06 22:00', texas), '2026-03-07 09:00 to 21:00', 'Saturday')
  t.equal(windowAt('2026-03-07 22:00', texas), '2026-03-08 12:00 to 21:00', 'Sunday')
  t.equal(windowAt('2026-03-08 22:00', texas), '2026-03-09 09:00 to 21:00', 'Monday')
})

void t.test('the organization\'s hours narrow those of the law, never widen them', async (t) => {
  t.equal(windowAt('2026-03-02 08:30', nashville, { opens: '10:00', closes: '18:00' }), '2026-03-02 10:00 to 18:00')
  t.equal(windowAt('2026-03-02 05:00', nashville, { opens: '00:00', closes: '23:59' }), '2026-03-02 08:00 to 21:00')
  t.equal(windowAt('2026-03-08 08:00', { timeZone: 'America/Chicago', region: 'TX' }, { opens: '08:00', closes: '13:00' }), '2026-03-08 12:00 to 13:00')
})

void t.test('a night in which the clocks change is an hour shorter or longer, and the window opens at eight all the same', async (t) => {
  const at = (time: string) => nextWindow(new Date(time), { timeZone: 'America/New_York', region: 'NY' }, null)
  t.strictSame(at('2026-03-08T02:00:00Z').opens, new Date('2026-03-08T12:00:00Z'), 'from 21:00 EST to 8:00 EDT are ten hours')
  t.strictSame(at('2026-11-01T01:00:00Z').opens, new Date('2026-11-01T13:00:00Z'), 'from 21:00 EDT to 8:00 EST are twelve')
})

void t.test('the far ends of the world have their own day', async (t) => {
  t.strictSame(nextWindow(new Date('2026-03-01T18:00:00Z'), { timeZone: 'Pacific/Kiritimati', region: null }, null), { opens: new Date('2026-03-01T18:00:00Z'), closes: new Date('2026-03-02T07:00:00Z') })
  t.strictSame(nextWindow(new Date('2026-03-02T07:00:00Z'), { timeZone: 'Pacific/Kiritimati', region: null }, null).opens, new Date('2026-03-02T18:00:00Z'), 'at +14')
  t.strictSame(nextWindow(new Date('2026-03-01T07:00:00Z'), { timeZone: 'Pacific/Pago_Pago', region: null }, null).opens, new Date('2026-02-28T19:00:00Z'), 'at −11 it is the evening before')
  t.strictSame(nextWindow(new Date('2026-03-01T08:00:00Z'), { timeZone: 'Etc/GMT+12', region: null }, null).opens, new Date('2026-02-28T20:00:00Z'))
})

void t.test('hours that would leave no hour in some state are refused', async (t) => {
  t.match(ownHoursFault({ opens: '19:30', closes: '21:00' }), { path: '/body/opens' })
  t.match(ownHoursFault({ opens: '08:00', closes: '12:30' }), { path: '/body/closes' })
  t.match(ownHoursFault({ opens: '18:30', closes: '19:00' }), { path: '/body/closes' })
  for (const opens of ['00:00', '09:00', '19:00']) {
    const hours = { opens, closes: opens === '19:00' ? '20:00' : '13:00' }
    t.equal(ownHoursFault(hours), undefined)
    for (const region of ['FL', 'TX', null]) {
      for (let day = 1; day <= 8; day++) {
        const { opens, closes } = nextWindow(new Date(`2026-03-0${day}T00:00:00Z`), { timeZone: 'UTC', region }, hours)
        t.ok(closes.getTime() - opens.getTime() >= 3_600_000)
      }
    }
  }
})
