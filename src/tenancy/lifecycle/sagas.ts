// Every operation there is.
import { deleteSaga } from './delete-tenant.js'
import { type Saga } from './saga.js'

export const sagas: readonly Saga[] = [deleteSaga]
