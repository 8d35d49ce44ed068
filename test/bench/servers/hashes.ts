// The peer of a sign-up: nothing but the password hash, at the default cost and with the default number at once.
import { createPasswords } from '../../../src/crypto/passwords.js'

const passwords = createPasswords({ memoryKiB: 19_456, timeCost: 2, parallelism: 1 })

process.on('message', ({ together }: { together: number }) => {
  const begin = performance.now()
  Promise.all(Array.from({ length: together }, () => passwords.hash('a long enough passphrase')))
    .then(() => process.send?.(performance.now() - begin), (error: unknown) => {
      console.error(error)
      process.exit(1)
    })
})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
