// Runs before all tests: a fresh PostgreSQL server for them, left running when this process ends.
import { hasOtherUsers, registerUser, removeTestServer, startTestServer } from './test-server.js'

// What an earlier run left behind may be full of its databases; what another run is using is shared instead.
if (!await hasOtherUsers(process.ppid)) await removeTestServer()
await registerUser(process.ppid)
await startTestServer()
