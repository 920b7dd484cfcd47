import { startControl } from '../../server/index.ts'
import { ignoreSignals, log, openPart, say, untilAsked } from './part.ts'

// The part of a server that answers what records answer: control-process.js ROOT HOST AUTH
ignoreSignals()
const asked = untilAsked()
const [root = '', host = '', auth] = process.argv.slice(2)
const workspace = await openPart(root)
const control = await startControl({ workspace, host, auth: auth === 'true', log })
say({ ready: control.port })
await asked
await control.close()
await workspace.close()
process.exit(0)
