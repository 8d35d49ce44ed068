// Every operation there is.
import { archiveSaga } from './archive-tenant.js'
import { cloneSaga } from './clone/clone-tenant.js'
import { deleteSaga } from './delete-tenant.js'
import { moveSaga } from './move-tenant.js'
import { restoreSaga } from './restore-tenant.js'
import { rotateSaga } from './rotate-credentials.js'
import { type Saga } from './saga.js'

export const sagas: readonly Saga[] = [deleteSaga, archiveSaga, restoreSaga, moveSaga, rotateSaga, cloneSaga]
