// Every operation there is.
import { archiveSaga } from './archive-tenant.js'
import { backupSaga } from './backup-tenant.js'
import { cloneSaga } from './clone/clone-tenant.js'
import { deleteSaga } from './delete-tenant.js'
import { moveSaga } from './move-tenant.js'
import { restoreSaga } from './restore-tenant.js'
import { revertSaga } from './revert-tenant.js'
import { rotateSaga } from './rotate-credentials.js'
import { type Saga } from './saga.js'
import { verifySaga } from './verify-backup.js'

export const sagas: readonly Saga[] = [deleteSaga, archiveSaga, restoreSaga, backupSaga, verifySaga, revertSaga, moveSaga, rotateSaga, cloneSaga]
