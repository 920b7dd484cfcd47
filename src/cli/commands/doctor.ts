import { statfs } from 'node:fs/promises'
import { git } from '../../config/environment.ts'
import { findRoot, loadProject } from '../../config/load.ts'
import { adapters } from '../../config/resolve.ts'
import { openWorkspace } from '../../config/workspace.ts'
import type { Command } from '../command.ts'

interface Finding {
  readonly what: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
}

async function look(what: string, work: () => Promise<string>, missing: 'warn' | 'fail' = 'fail'): Promise<Finding> {
  try {
    return { what, status: 'ok', found: await work() }
  } catch (error) {
    return {
      what,
      status: missing,
      found: error instanceof Error ? (error.message.split('\n')[0] as string) : String(error),
    }
  }
}

export const command: Command = {
  summary: 'check this machine and this project',
  async run({ cwd, out }) {
    const findings = [
      await look('node', async () => process.version),
      await look('DuckDB', async () => {
        const engine = await (await adapters.data.duckdb()).openDuckdb()
        const [row] = await engine.rows('SELECT version() AS v')
        await engine.close()
        return String(row?.v)
      }),
      await look(
        'ONNX Runtime, native',
        async () => (await (await adapters.inference.native()).openNative()).name,
        'warn',
      ),
      await look('ONNX Runtime, WebAssembly', async () => (await (await adapters.inference.wasm()).openWasm()).name),
      await look(
        'git',
        async () =>
          (await git(cwd, '--version'))?.trim() ??
          Promise.reject(new Error('not found: runs are recorded without their commit')),
        'warn',
      ),
      await look(
        'disk',
        async () => {
          const disk = await statfs(cwd)
          const free = (disk.bavail * disk.bsize) / 1e9
          if (free < 1) throw new Error(`${free.toFixed(1)} GB free`)
          return `${free.toFixed(0)} GB free`
        },
        'warn',
      ),
      await look('project file', async () => {
        const project = await loadProject(findRoot(cwd))
        return `${project.name}: ${project.datasets.size} datasets, ${project.views.size} feature views, ${project.models.size} models, ${project.deployments.size} deployments`
      }),
      await look('where steps run', async () => {
        const project = await loadProject(findRoot(cwd))
        const { steps = 'inline', ...options } = project.settings.run ?? {}
        if (steps !== 'container') return steps
        const { containerExecutor } = await adapters.executor.container()
        const { image } = options as { image: string }
        await containerExecutor({ ...options, image, mounts: [], paths: [] }).check()
        return `container of ${image}`
      }),
      await look('stores', async () => {
        const workspace = await openWorkspace(cwd)
        try {
          return `${workspace.store.name}, ${(await workspace.store.listRuns({ limit: 1000 })).length} runs, ${(await workspace.store.listModelVersions()).length} model versions`
        } finally {
          await workspace.close()
        }
      }),
    ]
    out.data(findings)
    out.table(
      ['', 'what', 'found'],
      findings.map(one => [{ ok: '✓', warn: '!', fail: '✗' }[one.status], one.what, one.found]),
    )
    return findings.some(one => one.status === 'fail') ? 3 : 0
  },
}
