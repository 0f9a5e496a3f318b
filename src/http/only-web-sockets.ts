/**
 * Requests of which only those for a WebSocket are upgrades. Many clients ask for HTTP/2 in passing
 * (`Upgrade: h2c`); a server that does not speak it answers as if they had not.
 */
import { IncomingMessage } from 'node:http'

/** Node takes every request that asks for an upgrade for one, and leaves the choice to this field. */
export class PlainRequest extends IncomingMessage {
  declare private asksForUpgrade: boolean | null

  get upgrade(): boolean {
    if (!this.asksForUpgrade) return false
    return this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket'
  }

  set upgrade(asks: boolean | null) {
    this.asksForUpgrade = asks
  }
}
