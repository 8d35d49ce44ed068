// Runs after all tests: ends their PostgreSQL server, unless another run is still using it.
import { hasOtherUsers, removeTestServer } from './test-server.js'

if (!await hasOtherUsers(process.ppid)) await removeTestServer()
