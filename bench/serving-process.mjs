// The server of bench/serving.ts, in a process of its own and from the compiled package: serving-process.mjs KIND ROOT
import { createServer } from 'node:http'

const load = path => import(new URL(`../dist/${path}`, import.meta.url).href)

/** The server of `millrace up` with another runtime in its place. */
async function serveMillrace(root, kind) {
  const { openWorkspace } = await load('config/workspace.js')
  const { adapters } = await load('config/resolve.js')
  const { LiveServing } = await load('stages/serve/serving.js')
  const { LiveMonitor } = await load('stages/watch/live.js')
  const { startServer } = await load('server/index.js')
  const open = {
    onnx: async () => (await adapters.inference.native()).openNative(),
    wasm: async () => (await adapters.inference.wasm()).openWasm(),
    trees: async () => (await adapters.inference.trees()).openTrees(),
  }[kind]
  if (open === undefined) throw new Error(`no runtime is called ${kind}`)
  const workspace = { ...(await openWorkspace(root)), runtime: open }
  const serving = await LiveServing.open(workspace, await workspace.online())
  const deployment = serving.get('api')
  if (deployment === undefined) throw new Error('nothing to serve')
  if (!deployment.stable) await deployment.deploy(1, 'bench')
  const monitors = []
  for (const definition of workspace.project.monitors.values()) {
    const monitor = new LiveMonitor({ store: workspace.store, clock: workspace.clock, notifiers: [] }, definition)
    monitor.watch(deployment.stable.profile)
    deployment.observer = monitor
    monitors.push(monitor)
  }
  const journal = { clock: workspace.clock, retention: deployment.labelHorizon, onError: error => console.error(error) }
  await deployment.remember(`${workspace.folder}/journal-${kind}`, monitors, journal)
  return (await startServer({ workspace, serving, port: 0, log: () => {} })).url
}

async function serveFloor() {
  const answer = JSON.stringify({ predictions: [{ id: '0', score: 0.7, label: true, arm: 'stable', version: 1 }] })
  const server = createServer({ noDelay: true }, (request, response) => {
    const parts = []
    request.on('data', part => parts.push(part))
    request.on('end', () => {
      if (parts.length > 0) JSON.parse(Buffer.concat(parts).toString())
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
      response.end(answer)
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${server.address().port}`
}

const [kind, root] = process.argv.slice(2)
process.send(kind === 'floor' ? await serveFloor() : await serveMillrace(root, kind))
