import { existsSync, mkdirSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openWorkspace } from '../../src/config/workspace.ts'
import { partDigest } from '../../src/stages/register/version-parts.ts'
import { scoreRows } from '../../src/stages/evaluate/subject.ts'
import { loadVersion } from '../../src/stages/serve/served-version.ts'
import { readFrame } from '../../src/stages/train/read-frame.ts'
import { millrace } from '../support/command.ts'
import { orders, ordersCsv, predict, runningProject, startUp, until } from '../support/running.ts'

// Networks of PyTorch (torch.onnx) and Keras (tf2onnx), each the whole way: trained inside the pipeline from its frame, held to
// the framework's own answers on ten thousand rows, registered, deployed, challenged, watched and rebuilt.

const hour = 3_600_000
const frameworks = [
  { name: 'torch', venv: 'torch' },
  { name: 'keras', venv: 'tensorflow' },
] as const

describe.each(frameworks)('a network of $name', ({ name, venv }) => {
  const python = resolve(`test/interop/.venv-${venv}/bin/python`)
  const present = existsSync(python)
  if (!present) console.warn(`SKIPPED: ${name}; run scripts/interop-venv.sh ${venv} first`)

  it.skipIf(!present)('goes the whole way', { timeout: 900_000 }, async () => {
    const root = await runningProject('')
    mkdirSync(join(root, 'train'))
    copyFileSync('test/interop/train/network.py', join(root, 'train', 'network.py'))
    writeFileSync(join(root, 'data', '0.csv'), ordersCsv(orders(20_000, 1), Date.UTC(2025, 0, 1)))
    const own = join(root, 'own.bin')
    const file = join(root, 'millrace.config.ts')
    const config = readFileSync(file, 'utf8')
      .replace('gbt, model', 'command, model')
      .replace(/split: \{[^}]*\}/, "split: { by: 'random', test: 0.5 }")
      .replace(
        /train: gbt\(.*\),/,
        `train: command(${JSON.stringify([python, 'train/network.py', name])}, { files: ['train/network.py'], params: { seed: 1, own: ${JSON.stringify(own)} } }),`,
      )
    writeFileSync(file, config)

    const trained = await millrace(root, ['train'])
    expect(trained.code, trained.said).toBe(0)
    expect(trained.said).toMatch(/lateness@1 .*auc 0\.[789]/)

    const workspace = await openWorkspace(root)
    try {
      const record = await workspace.store.getModelVersion('lateness', 1)
      if (!record) throw new Error('no version')
      const version = await loadVersion(workspace, record)
      const path = await workspace.artifacts.localPath(partDigest(record, 'frame'))
      const held = await readFrame(await workspace.engine(), path, version.model.inputs, 'test')
      const scores = await scoreRows({ loaded: version.loaded, inputs: version.card.inputs }, held.inputs, held.rows)
      const bytes = readFileSync(own)
      const theirs = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
      expect(theirs).toHaveLength(scores.length)
      expect(scores.length).toBeGreaterThan(9_500)
      let [worst, flips] = [0, 0]
      scores.forEach((score, row) => {
        const their = theirs[row] as number
        worst = Math.max(worst, Math.abs(score - their) / Math.max(1e-3, Math.abs(their)))
        if (score >= 0.5 !== their >= 0.5) flips++
      })
      console.log(`${name}: ${scores.length} rows, worst ${worst.toExponential(1)} relative, ${flips} flips`)
      expect(flips).toBe(0)
      expect(worst).toBeLessThanOrEqual(1e-5)
      await version.loaded.close()
    } finally {
      await workspace.close()
    }

    expect((await millrace(root, ['deploy'])).said).toMatch(/stable lateness@1/)
    writeFileSync(file, config.replace('seed: 1', 'seed: 2'))
    expect((await millrace(root, ['train'])).said).toMatch(/lateness@2/)
    expect((await millrace(root, ['deploy'])).said).toMatch(/lateness@2/)
    expect((await millrace(root, ['rollout', 'status'])).said).toMatch(/lateness@2/)
    const explained = await millrace(root, ['models', 'explain', 'lateness@1', '--json'])
    expect(JSON.parse(explained.out)).toMatchObject({ method: 'all-subsets', importanceIs: 'by permutation' })

    const server = await startUp(root)
    const now = Math.floor(Date.now() / hour) * hour
    const alerts = async () =>
      ((await (await fetch(`${server.url}/v1/alerts`)).json()) as { alerts: { name: string; state: string }[] }).alerts
    for (let i = 0; i < 8; i++) await predict(server.url, orders(600, 90 + i, 5), now - (20 - i) * hour, `moved${i}`)
    await until('the drift', async () => (await alerts()).some(one => one.name === 'drift' && one.state === 'firing'))
    const { rollout } = (await (await fetch(`${server.url}/v1/deployments/orders-api`)).json()) as {
      rollout: { config: { challenger: string }; phase: string }
    }
    expect(rollout.config.challenger).toBe('lateness@2')
    expect(await server.end('SIGTERM')).toBe(0)

    const again = await millrace(root, ['reproduce', 'lateness@1'])
    expect(again.code, again.said).toBe(0)
  })
})
