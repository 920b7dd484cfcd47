// Loads the log of a dataset, in a process that is meant to be killed: node load-log.mjs ROOT DATASET. Says `go` before it starts, and at
// the end how many versions there are.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [root, name] = process.argv.slice(2)
const dist = pathToFileURL(join(process.cwd(), 'dist/'))
const load = path => import(new URL(path, dist).href)
const { openWorkspace } = await load('config/workspace.js')
const { loadLog } = await load('stages/log/log-table.js')

const workspace = await openWorkspace(root)
const engine = await workspace.engine()
process.stdout.write('go\n')
const log = await loadLog(workspace, engine, workspace.project.datasets.get(name))
const [row] = await engine.rows(`SELECT count(*) AS n FROM (${log.sql})`)
process.stdout.write(`${row.n}\n`)
await log.drop()
await workspace.close()
