// Writes the records of a view in small parts, in a process that is meant to be killed: node materialise-parts.mjs ROOT VIEW ROWS
// Says each part on a line once it is written, and at the end the name of the records and the number of entities.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [root, name, rows] = process.argv.slice(2)
const dist = pathToFileURL(join(process.cwd(), 'dist/'))
const load = path => import(new URL(path, dist).href)
const { openWorkspace } = await load('config/workspace.js')
const { newestSnapshot } = await load('app/snapshots.js')
const { recordsOf } = await load('stages/features/channels.js')
const { materialiseView } = await load('app/materialise-view.js')

const workspace = await openWorkspace(root)
const view = workspace.project.views.get(name)
const snapshot = await newestSnapshot(workspace, view.from)
const entities = await materialiseView(workspace, view, snapshot, snapshot.newest, {
  maxPartRows: Number(rows),
  listener: { say: text => process.stdout.write(`${text}\n`) },
})
await workspace.close()
process.stdout.write(`records ${recordsOf(view)}\nentities ${entities}\n`)
