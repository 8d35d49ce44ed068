// A time zone for the benchmark's organizations.

/** Where it is about noon now: people are not texted at night, and the benchmark runs at any hour. */
export function noonZone (): string {
  const ahead = 12 - new Date().getUTCHours()
  // The signs of these names are turned round.
  return ahead === 0 ? 'Etc/GMT' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`
}
