// The next occurrences of a rule: the calendar, the change of clocks, exceptions and the end.
import t from 'tap'
import { Problem } from '../../../src/errors.js'
import { listOccurrences, type Schedule } from '../../../src/features/recurring/occurrences.js'
import { readRule } from '../../../src/features/recurring/rule.js'

function scheduleOf (rule: string, more: Partial<Schedule> = {}): Schedule {
  return { rule: readRule(rule), startDate: '2026-01-01', time: '09:00', timeZone: 'America/Chicago', skippedDates: [], ...more }
}

function dates (schedule: Schedule, limit = 5, after = '2025-01-01T00:00:00Z'): string[] {
  return listOccurrences(schedule, { after: new Date(after), limit }).map(({ date }) => date)
}

function instants (schedule: Schedule, limit: number): string[] {
  return listOccurrences(schedule, { after: new Date(0), limit }).map(({ at }) => at.toISOString())
}

void t.test('nine in the morning stays nine in the morning when the clocks change', async (t) => {
  t.strictSame(instants(scheduleOf('FREQ=WEEKLY', { startDate: '2026-03-01' }), 3), ['2026-03-01T15:00:00.000Z', '2026-03-08T14:00:00.000Z', '2026-03-15T14:00:00.000Z'])
})

void t.test('a time that the clocks skip comes by the offset before, one that they show twice the first time', async (t) => {
  const at = (startDate: string, time: string) => instants(scheduleOf('FREQ=DAILY;COUNT=3', { startDate, time }), 5)
  t.strictSame(at('2026-03-07', '02:30'), ['2026-03-07T08:30:00.000Z', '2026-03-08T08:30:00.000Z', '2026-03-09T07:30:00.000Z'], 'on 8 March at half past three')
  t.strictSame(at('2026-10-31', '01:30'), ['2026-10-31T06:30:00.000Z', '2026-11-01T06:30:00.000Z', '2026-11-02T07:30:00.000Z'])
})

void t.test('where a whole day was skipped, nobody is texted twice on the next', async (t) => {
  const samoa = scheduleOf('FREQ=DAILY;COUNT=3', { startDate: '2011-12-29', timeZone: 'Pacific/Apia' })
  t.strictSame(instants(samoa, 5), ['2011-12-29T19:00:00.000Z', '2011-12-30T19:00:00.000Z', '2011-12-31T19:00:00.000Z'])
})

void t.test('a monthly 31st is skipped, falls on the last day, or on the 30th at most: as the rule says', async (t) => {
  t.strictSame(dates(scheduleOf('FREQ=MONTHLY;BYMONTHDAY=31')), ['2026-01-31', '2026-03-31', '2026-05-31', '2026-07-31', '2026-08-31'])
  t.strictSame(dates(scheduleOf('FREQ=MONTHLY;BYMONTHDAY=-1')), ['2026-01-31', '2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31'])
  t.strictSame(dates(scheduleOf('FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1'), 3), ['2026-01-30', '2026-02-28', '2026-03-30'])
  t.strictSame(dates(scheduleOf('FREQ=MONTHLY', { startDate: '2026-01-31' }), 3), ['2026-01-31', '2026-03-31', '2026-05-31'], 'what the rule leaves open is the start\'s')
})

void t.test('weekdays by their place in the month, every other week, and leap days', async (t) => {
  t.strictSame(dates(scheduleOf('FREQ=MONTHLY;BYDAY=1SU,-1SU'), 4), ['2026-01-04', '2026-01-25', '2026-02-01', '2026-02-22'])
  t.strictSame(dates(scheduleOf('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU', { startDate: '1997-08-05' }), 4, '1990-01-01T00:00:00Z'), ['1997-08-05', '1997-08-17', '1997-08-19', '1997-08-31'], 'the example of RFC 5545')
  t.strictSame(dates(scheduleOf('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO', { startDate: '1997-08-05' }), 4, '1990-01-01T00:00:00Z'), ['1997-08-05', '1997-08-10', '1997-08-19', '1997-08-24'])
  t.strictSame(dates(scheduleOf('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29'), 2), ['2028-02-29', '2032-02-29'])
  t.strictSame(dates(scheduleOf('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30')), [], 'a date that never comes')
})

void t.test('it ends after COUNT texts or with UNTIL, and a skipped date counts', async (t) => {
  t.strictSame(dates(scheduleOf('FREQ=DAILY;COUNT=3')), ['2026-01-01', '2026-01-02', '2026-01-03'])
  t.strictSame(dates(scheduleOf('FREQ=DAILY;COUNT=3', { skippedDates: ['2026-01-02'] })), ['2026-01-01', '2026-01-03'])
  t.strictSame(dates(scheduleOf('FREQ=DAILY;COUNT=3'), 5, '2026-01-02T15:00:00Z'), ['2026-01-03'], 'counted from the start')
  t.strictSame(dates(scheduleOf('FREQ=DAILY;UNTIL=20260102')), ['2026-01-01', '2026-01-02'])
  t.strictSame(dates(scheduleOf('FREQ=DAILY;UNTIL=20260102T090000')), ['2026-01-01', '2026-01-02'])
  t.strictSame(dates(scheduleOf('FREQ=DAILY;UNTIL=20260102T145959Z')), ['2026-01-01'], 'a second too early, in Chicago')
  const shown = listOccurrences(scheduleOf('FREQ=DAILY', { skippedDates: ['2026-01-02'] }), { after: new Date(0), limit: 2, withSkipped: true })
  t.match(shown, [{ date: '2026-01-01', skipped: false }, { date: '2026-01-02', skipped: true }])
})

void t.test('a rule that cannot be read is refused with what is wrong', async (t) => {
  const bad: Array<[string, RegExp]> = [
    ['', /NAME=VALUE/], ['FREQ=HOURLY', /FREQ/], ['INTERVAL=2', /FREQ must/], ['FREQ=DAILY;INTERVAL=0', /INTERVAL=0/], ['FREQ=DAILY;INTERVAL=1.5', /INTERVAL/],
    ['FREQ=DAILY;COUNT=2;UNTIL=20260101', /together/], ['FREQ=DAILY;BYHOUR=9', /BYHOUR is not supported/], ['FREQ=DAILY;FREQ=DAILY', /twice/], ['FREQ=DAILY;', /empty part/],
    ['FREQ=WEEKLY;BYDAY=1SU', /needs FREQ/], ['FREQ=MONTHLY;BYDAY=6SU', /five/], ['FREQ=MONTHLY;BYDAY=SUN', /BYDAY=SUN/], ['FREQ=MONTHLY;BYDAY=+SU', /BYDAY/], ['FREQ=MONTHLY;BYDAY=0SU', /BYDAY/],
    ['FREQ=WEEKLY;BYMONTHDAY=1', /WEEKLY/], ['FREQ=MONTHLY;BYMONTHDAY=0', /BYMONTHDAY=0/], ['FREQ=MONTHLY;BYMONTHDAY=32', /BYMONTHDAY/], ['FREQ=WEEKLY;BYDAY=SU;BYSETPOS=1', /BYSETPOS/],
    ['FREQ=DAILY;UNTIL=20260230', /UNTIL/], ['FREQ=DAILY;UNTIL=20260101T250000', /UNTIL/], ['FREQ=DAILY;UNTIL=2026', /UNTIL/], ['FREQ=DAILY;COUNT=1001', /COUNT/]
  ]
  for (const [rule, message] of bad) {
    t.throws(() => readRule(rule), { code: 'VALIDATION_FAILED', errors: [{ path: '/body/rule', message }] }, rule)
    t.throws(() => readRule(rule), Problem)
  }
  t.match(readRule('rrule:freq=weekly;byday=su'), { frequency: 'WEEKLY', byDay: [{ weekday: 'SU', nth: null }], interval: 1, weekStart: 'MO' })
})
