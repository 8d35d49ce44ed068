// pg's client, but one that proves the password of our own roles at once: pg waits eleven times for another thread, which
// takes as much processor time as all else that it does to connect, and a connection's place for that long.
import pg from 'pg'
import { proveAtOnce } from './scram-proof.js'

interface ScramSession { readonly mechanism: string, readonly clientNonce: string, message: string, response: string, serverSignature?: string }

declare module 'pg' {
  interface ClientBase {
    readonly connection: Connection
    readonly saslSession: ScramSession | null
    _handleAuthSASLContinue (message: { data: string }): Promise<void>
  }
  interface Connection { sendSCRAMClientFinalMessage (response: string): void }
}

export class ScramClient extends pg.Client {
  override async _handleAuthSASLContinue (message: { data: string }): Promise<void> {
    const { saslSession: session, password, connection } = this
    const simple = session?.mechanism === 'SCRAM-SHA-256' && session.message === 'SASLInitialResponse' && typeof password === 'string'
    const proof = simple ? proveAtOnce(session.clientNonce, password, message.data) : undefined
    if (!simple || proof === undefined) {
      await super._handleAuthSASLContinue(message)
      return
    }
    // pg compares the server's signature with this one when it has answered.
    Object.assign(session, { ...proof, message: 'SASLResponse' })
    connection.sendSCRAMClientFinalMessage(proof.response)
  }
}
