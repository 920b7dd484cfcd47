import { openWorkspace } from '../../config/workspace.ts'
import { startControl } from '../../server/index.ts'
import { ignoreSignals, say, untilAsked } from './part.ts'

// The part of a server that answers what records answer: control-process.js ROOT HOST AUTH
ignoreSignals()
const asked = untilAsked()
const [root = '', host = '', auth] = process.argv.slice(2)
const log = (line: unknown): void => void process.stderr.write(`${JSON.stringify(line)}\n`)
const workspace = await openWorkspace(root, { principal: 'serving', note: text => log({ level: 'warn', text }) })
const control = await startControl({ workspace, host, auth: auth === 'true', log })
say({ ready: control.port })
await asked
await control.close()
await workspace.close()
process.exit(0)
