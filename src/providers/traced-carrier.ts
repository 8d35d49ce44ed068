// A carrier whose every call is a span. It tells the outcome, never the numbers or the text.
import { type Tracing } from '../tracing.js'
import { type Carrier } from './carrier.js'

export function tracedCarrier (carrier: Carrier, { call }: Tracing): Carrier {
  const spanOf = <Given extends unknown[], T>(name: string, ask: (...given: Given) => Promise<T>) =>
    (...given: Given): Promise<T> => call(`carrier ${name}`, {}, () => ask(...given))
  return {
    ...carrier,
    send: (text) => call('carrier send', {}, () => carrier.send(text), ({ kind }) => ({ 'koinonia.outcome': kind })),
    availableNumbers: spanOf('available-numbers', carrier.availableNumbers),
    ensureMessagingProfile: spanOf('ensure-messaging-profile', carrier.ensureMessagingProfile),
    orderNumber: spanOf('order-number', carrier.orderNumber),
    getOrder: spanOf('get-order', carrier.getOrder),
    findOrder: spanOf('find-order', carrier.findOrder),
    findOwnedNumber: spanOf('find-owned-number', carrier.findOwnedNumber),
    assignMessagingProfile: spanOf('assign-messaging-profile', carrier.assignMessagingProfile)
  }
}
