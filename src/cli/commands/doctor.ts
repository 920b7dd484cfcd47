import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { git } from '../../config/git.ts'
import { findRoot, loadProject, rootAbove } from '../../config/load.ts'
import { adapters } from '../../config/resolve.ts'
import { settingsOf } from '../../config/settings.ts'
import { openWorkspace } from '../../config/workspace.ts'
import type { Command } from '../command.ts'
import { look } from '../doctor/finding.ts'
import { lookAtState } from '../doctor/state.ts'

const usesPostgres = (root: string): Promise<boolean> =>
  loadProject(root).then(
    project => settingsOf(project).metadata.kind === 'postgres',
    () => false,
  )

export const command: Command = {
  summary: 'check this machine and this project',
  details:
    'Looks at every kind of file below .millrace. --deep reads every artifact against its digest, all that the store holds against its checksums, and a SQLite database with its indexes. Exit code 3 where something is damaged.',
  options: [{ flags: '--deep', description: 'read every artifact and all that is stored against their checksums' }],
  async run({ cwd, out, options }) {
    const root = rootAbove(cwd)
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
        const { run } = settingsOf(project)
        if (run.kind !== 'container') return run.kind
        const { kind: _kind, ...options } = run
        const { containerExecutor } = await adapters.executor.container()
        await containerExecutor({ ...options, mounts: [], paths: [] }).check()
        return `container of ${run.image}`
      }),
      await look('stores', async () => {
        const workspace = await openWorkspace(cwd)
        try {
          return `${workspace.store.name}, ${(await workspace.store.listRuns({ limit: 1000 })).length} runs, ${(await workspace.store.listModelVersions()).length} model versions`
        } finally {
          await workspace.close()
        }
      }),
      ...(root === undefined
        ? []
        : await lookAtState(root, () => openWorkspace(root), {
            deep: options.deep === true,
            sqlite: existsSync(join(root, '.millrace', 'millrace.db')) || !(await usesPostgres(root)),
          })),
    ]
    out.data(findings)
    out.table(
      ['', 'what', 'found'],
      findings.map(one => [{ ok: '✓', warn: '!', fail: '✗' }[one.status], one.what, one.found]),
    )
    return findings.some(one => one.status === 'fail') ? 3 : 0
  },
}
