// Password hashes: argon2id, as many at once as there are cores and no more, so sign-ins cannot starve the rest.
import { availableParallelism } from 'node:os'
import { argon2id, hash, verify } from 'argon2'

export interface PasswordCost { memoryKiB: number, timeCost: number, parallelism: number }

export interface Passwords {
  hash: (password: string) => Promise<string>
  /** False for a wrong password; a hash that cannot be read throws. */
  verify: (passwordHash: string, password: string) => Promise<boolean>
  /** Spends the time of one `verify`, so that an unknown e-mail answers no sooner than a known one. */
  verifyNothing: (password: string) => Promise<void>
}

/** `cost` defaults follow the OWASP Password Storage Cheat Sheet (19 MiB, two passes, one lane). */
export function createPasswords (cost: PasswordCost): Passwords {
  const limited = limitConcurrency(availableParallelism())
  const hashOne = (password: string) => limited(() => hash(password, {
    type: argon2id, memoryCost: cost.memoryKiB, timeCost: cost.timeCost, parallelism: cost.parallelism
  }))
  let nobody: Promise<string> | undefined
  return {
    hash: hashOne,
    verify: (passwordHash, password) => limited(() => verify(passwordHash, password)),
    async verifyNothing (password) {
      nobody ??= hashOne('the password of nobody')
      const passwordHash = await nobody
      await limited(() => verify(passwordHash, password))
    }
  }
}

function limitConcurrency (limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: Array<() => void> = []
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
