// One thing the doctor looked at: how it stands, and if it is not well, what to do next.

export interface Check {
  name: string
  state: 'ok' | 'warning' | 'failed'
  detail: string
  /** The next step, for whatever is not ok. */
  next?: string
}

export const ok = (name: string, detail: string): Check => ({ name, state: 'ok', detail })
export const warning = (name: string, detail: string, next: string): Check => ({ name, state: 'warning', detail, next })
export const failed = (name: string, detail: string, next: string): Check => ({ name, state: 'failed', detail, next })

/** A check that can't be made is itself a finding. */
export async function attempt (name: string, next: string, check: () => Promise<Check[]>): Promise<Check[]> {
  try {
    return await check()
  } catch (error) {
    return [failed(name, error instanceof Error ? (error.message === '' ? error.name : error.message) : String(error), next)]
  }
}
