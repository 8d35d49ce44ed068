// When people may be texted, by law: the hours of a day on the recipient's own clocks. Data; windows.ts reads it.

/** HH:MM; `closes` is the first minute of quiet. */
export interface Hours { opens: string, closes: string }

/** Hours of Monday to Sunday. */
type Week = readonly [Hours, Hours, Hours, Hours, Hours, Hours, Hours]

/** Telephone Consumer Protection Act: 47 CFR 64.1200(c)(1), 8 a.m. to 9 p.m. local time at the called party's location. Kept for every other country as well. */
const federal: Week = everyDay({ opens: '08:00', closes: '21:00' })

const toEight: Week = everyDay({ opens: '08:00', closes: '20:00' })

/** States whose hours are narrower, by postal code. */
const states: ReadonlyMap<string, Week> = new Map([
  // Florida Telephone Solicitation Act: Fla. Stat. 501.616(6).
  ['FL', toEight],
  // Maryland, Stop the Spam Calls Act of 2023: Md. Code, Com. Law 14-4503.
  ['MD', toEight],
  // Oklahoma Telephone Solicitation Act of 2022: 15 Okla. Stat. 775C.4.
  ['OK', toEight],
  // Texas: Bus. & Com. Code 301.051: weekdays and Saturday from 9, Sunday from noon, to 9 p.m.
  ['TX', weekAndSunday({ opens: '09:00', closes: '21:00' }, { opens: '12:00', closes: '21:00' })]
])

/** `region`: a state of the US, or null. `weekday`: from 1 for Monday to 7 for Sunday. */
export function lawfulHours (region: string | null, weekday: number): Hours {
  const week = states.get(region ?? '') ?? federal
  return week[weekday - 1] ?? week[0]
}

function everyDay (hours: Hours): Week {
  return weekAndSunday(hours, hours)
}

function weekAndSunday (week: Hours, sunday: Hours): Week {
  return [week, week, week, week, week, week, sunday]
}
