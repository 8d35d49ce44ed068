// Where the schema is; connections are made by the server, one client a tenant.
import { defineConfig } from 'prisma/config'

export default defineConfig({ schema: 'schema.prisma' })
