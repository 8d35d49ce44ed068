// What the processes of the row `dispatch` tell each other, and who is texted.

export const ownNumber = '+16155550100'

/** All different. */
export const phoneOf = (member: number) => `+1615${String(1_000_000 + member)}`

export interface TextsSettings { carrierUrl: string, publicUrl: string, tenantId: string, text: string, texts: number, inFlight: number }

/** Starts the counts anew, and says how many milliseconds an answer takes; without it they are only told. */
export interface CarrierOrder { answerMs?: number }

/** `bytes`: of the bodies. `firstAt`: when the first came, in milliseconds since 1970; null when none has. */
export interface CarrierCounts { texts: number, bytes: number, firstAt: number | null }
