// How numbers, times, days and sizes are shown, and how a typed number is read.

/** (615) 555-0142 for a North American number, otherwise as it is. */
export function showNumber (number) {
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number)
  return parts === null ? number : `(${parts[1]}) ${parts[2]}-${parts[3]}`
}

/** What was typed as +E.164, or null when it is no number. Ten digits are North American. */
export function readNumber (typed) {
  const digits = typed.replace(/\D/g, '')
  if (typed.trim().startsWith('+')) return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : null
  if (/^1?[2-9]\d{9}$/.test(digits)) return `+1${digits.slice(-10)}`
  return null
}

const time = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', month: 'long', day: 'numeric' })

export function showTime (iso) {
  return time.format(new Date(iso))
}

export function showDay (iso) {
  const shown = day.format(new Date(iso))
  return shown === day.format(new Date()) ? 'Today' : shown
}

/** 84 KB, 1.2 MB. */
export function showSize (bytes) {
  return bytes < 999_500 ? `${Math.max(1, Math.round(bytes / 1_000))} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
