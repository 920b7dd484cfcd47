/**
 * `node full-disk.mjs <bin> <project>`: in a project on a small disk of its own, with a server running, fills the disk to
 * the last byte, tries every command and route that writes, frees it, and tries again. Prints what happened as JSON.
 */
import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'

const [bin = '', root = ''] = process.argv.slice(2)
const env = { ...process.env, MILLRACE_KEY_PASSPHRASE: 'p' }
const run = words =>
  new Promise(done =>
    execFile(process.execPath, [bin, ...words.split(' ')], { cwd: root, env }, (error, out, err) =>
      done({ words, code: error ? error.code : 0, said: `${out}${err}` }),
    ),
  )
for (const words of ['train', 'deploy', 'keys create k1', 'features materialise']) {
  const { code, said } = await run(words)
  if (code !== 0) throw new Error(`${words}: ${said}`)
}
const server = spawn(process.execPath, [bin, 'up', '--port', '0', '--json'], { cwd: root, env })
let [out, log] = ['', '']
server.stderr.on('data', text => (log += String(text)))
const url = await new Promise(found =>
  server.stdout.on('data', text => {
    out += String(text)
    const url = /"url": "([^"]+)"/.exec(out)?.[1]
    if (url) found(url)
  }),
)
const mlflow = '/api/2.0/mlflow'
const ask = async (method, path, body) => {
  const json = typeof body === 'object'
  const answer = await fetch(url + path, {
    method,
    ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
    ...(json ? { headers: { 'content-type': 'application/json' } } : {}),
  })
  return { path, status: answer.status, said: await answer.text() }
}
const newRun = async () =>
  JSON.parse((await ask('POST', `${mlflow}/runs/create`, { experiment_id: '0' })).said).run.info.run_id
const id = await newRun()
await ask('POST', `${mlflow}/runs/set-tag`, { run_id: id, key: 'before', value: 'kept' })

const filler = openSync(`${root}/filler`, 'w')
try {
  for (const size of [1 << 16, 4096, 1]) for (;;) if (writeSync(filler, Buffer.alloc(size)) < size) break
} catch {
  // now it is full
}
for (const size of [4096, 1])
  try {
    for (;;) writeSync(filler, Buffer.alloc(size))
  } catch {
    // to the last byte
  }
closeSync(filler)

const writing = [
  'train',
  'data snapshot',
  'features materialise',
  'keys rotate k1',
  'keys create k2',
  'token create x --scope read',
]
const full = []
for (const words of writing) full.push(await run(words))
const big = 'x'.repeat(3 << 20)
let turn = 0
const routes = [
  () => ['POST', `${mlflow}/runs/create`, { experiment_id: '0' }],
  () => ['POST', `${mlflow}/experiments/create`, { name: `e${turn}` }],
  () => ['POST', `${mlflow}/runs/log-metric`, { run_id: id, key: 'm', value: turn, timestamp: turn }],
  () => ['POST', `${mlflow}/runs/set-tag`, { run_id: id, key: `during${turn}`, value: 'x'.repeat(4000) }],
  () => ['PUT', `/api/2.0/mlflow-artifacts/artifacts/0/${id}/artifacts/big.txt`, big],
  () => ['PUT', `/api/2.0/mlflow-artifacts/artifacts/0/${id}/artifacts/100%25.txt`, 'small'],
]
// Pages may still be free within the database's own files: each is asked until it meets the end of the disk
const answers = []
const acknowledged = []
for (const route of routes)
  for (let i = 1; i <= 1_000; i++) {
    turn++
    const [method, path, body] = route()
    const answer = await ask(method, path, body)
    if (answer.status === 200 && path.endsWith('set-tag')) acknowledged.push(body.key)
    if (answer.status === 200 && i < 1_000) continue
    answers.push(answer)
    break
  }
const alive = (await ask('GET', '/livez')).status

rmSync(`${root}/filler`)
const freed = []
for (const words of [...writing, 'audit verify', 'doctor --deep']) freed.push(await run(words))
const after = []
for (const route of routes) {
  turn++
  after.push((await ask(...route())).status)
}
const percent = await ask('GET', `/api/2.0/mlflow-artifacts/artifacts/0/${id}/artifacts/100%25.txt`)
const kept = JSON.parse((await ask('GET', `${mlflow}/runs/get?run_id=${id}`)).said).run.data.tags
const ended = new Promise(done => server.once('exit', done))
server.kill('SIGTERM')
console.log(JSON.stringify({ full, answers, acknowledged, alive, freed, after, percent, kept, end: await ended, log }))
